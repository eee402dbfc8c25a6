//! A page of Markdown as its fenced blocks, each with what a comment before it says of it.
//!
//! | comment before a block | meaning |
//! |---|---|
//! | none, before `sh`, `python` or `js` | it is run, and must succeed |
//! | `<!-- not run: REASON -->` | it is not run, for this reason |
//! | `<!-- file: NAME -->` | a file that the reader makes |
//! | `<!-- service -->` | `offload up`, which the blocks after it use |
//! | `<!-- service: HOST:PORT -->` | a server of the reader's own, ready once it accepts connections there |
//! | `<!-- service: no port -->` | one that serves nobody, such as a worker |
//! | `<!-- output -->` | what the block before it prints; `…` stands for any text |
//! | `<!-- service output -->` | the same of the reader's own server, within a minute |

use std::path::{Path, PathBuf};

/// A page, with all its blocks.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its path from the repository's root.
    pub(crate) path: PathBuf,
    pub(crate) blocks: Vec<Block>,
}

/// One fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// The line of its opening fence, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) role: Role,
}

/// What is done with a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    Run(Language),
    NotRun,
    File(String),
    /// With the address that it listens on, unless it is `offload up`.
    Service(Option<String>),
    Output,
    ServiceOutput,
    /// Nothing that anyone could run.
    Illustration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Shell,
    Python,
    JavaScript,
}

/// Names of the same languages that would slip past the test.
const OTHER_NAMES: [&str; 11] =
    ["bash", "shell", "zsh", "console", "py", "python3", "javascript", "mjs", "node", "ts", "typescript"];

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// One line for each block that nobody knows what to do with.
    pub(crate) fn read(root: &Path, path: &Path) -> Result<Self, Vec<String>> {
        let text = std::fs::read_to_string(root.join(path)).map_err(|e| vec![format!("{}: {e}", path.display())])?;
        let (blocks, errors) = blocks(&text);
        if errors.is_empty() {
            return Ok(Self { path: path.to_owned(), blocks });
        }
        Err(errors.into_iter().map(|(line, error)| format!("{}:{line}: {error}", path.display())).collect())
    }

    /// Whether anything on the page is run.
    pub(crate) fn runs(&self) -> bool {
        self.blocks.iter().any(|block| matches!(block.role, Role::Run(_) | Role::Service(_)))
    }
}

fn blocks(text: &str) -> (Vec<Block>, Vec<(usize, String)>) {
    let (mut blocks, mut errors) = (Vec::new(), Vec::new());
    let (mut marker, mut lines) = (None, text.lines().enumerate());
    while let Some((index, line)) = lines.next() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let Some(info) = trimmed.strip_prefix("```") else {
            if let Some(comment) = trimmed.trim_end().strip_prefix("<!--").and_then(|c| c.strip_suffix("-->")) {
                marker = Some(comment.trim().to_owned());
            } else if !trimmed.is_empty() {
                marker = None;
            }
            continue;
        };
        let fence = "`".repeat(trimmed.len() - trimmed.trim_start_matches('`').len());
        let language = info.trim_start_matches('`').split([' ', ',']).next().unwrap_or_default();
        let mut text = String::new();
        for (_, inner) in lines.by_ref().take_while(|(_, inner)| !inner.trim_start().starts_with(&fence)) {
            let own = inner.get(..indent).is_some_and(|i| i.trim().is_empty());
            text.push_str(if own { &inner[indent..] } else { inner.trim_start() });
            text.push('\n');
        }
        match role(language, marker.take().as_deref()) {
            Ok(role) => blocks.push(Block { line: index + 1, text, role }),
            Err(error) => errors.push((index + 1, error)),
        }
    }
    (blocks, errors)
}

fn role(language: &str, marker: Option<&str>) -> Result<Role, String> {
    let (kind, value) = marker.map_or(("", ""), |m| m.split_once(':').unwrap_or((m, "")));
    let value = value.trim();
    match (kind.trim(), language) {
        ("not run", _) if value.is_empty() => Err("say why it is not run: <!-- not run: REASON -->".to_owned()),
        ("not run", _) => Ok(Role::NotRun),
        ("file", _) => Ok(Role::File(value.to_owned())),
        ("service", "sh") => Ok(Role::Service((!value.is_empty()).then(|| value.to_owned()))),
        ("output", _) => Ok(Role::Output),
        ("service output", _) => Ok(Role::ServiceOutput),
        (_, "sh") => Ok(Role::Run(Language::Shell)),
        (_, "python") => Ok(Role::Run(Language::Python)),
        (_, "js") => Ok(Role::Run(Language::JavaScript)),
        (_, other) if OTHER_NAMES.contains(&other) => {
            Err(format!("write sh, python or js in place of {other}: only those are run"))
        }
        _ => Ok(Role::Illustration),
    }
}

#[test]
fn a_block_is_run_unless_a_comment_says_why_not() {
    let page = "<!-- file: a.py -->\n\n```python\nx = 1\n```\n\n```python\ny\n```\n<!-- not run: needs an account -->\n\
                ```sh\nz\n```\n\n- item\n\n  ```sh\n  echo\n    deep\n  ```\n<!-- output -->\n```text\n…\n```\n```json\n{}\n```\n";
    let (blocks, errors) = blocks(page);
    let found: Vec<_> = blocks.iter().map(|b| (b.line, b.text.as_str(), b.role.clone())).collect();
    assert_eq!(
        found,
        [
            (3, "x = 1\n", Role::File("a.py".to_owned())),
            (7, "y\n", Role::Run(Language::Python)),
            (11, "z\n", Role::NotRun),
            (17, "echo\n  deep\n", Role::Run(Language::Shell)),
            (22, "…\n", Role::Output),
            (25, "{}\n", Role::Illustration),
        ]
    );
    assert!(errors.is_empty());
    for wrong in ["<!-- not run: -->\n```sh\n```\n", "```bash\n```\n", "```console\n```\n"] {
        assert_eq!(super::page::blocks(wrong).1.len(), 1, "{wrong}");
    }
}
