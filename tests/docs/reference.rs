//! The parts of docs/reference that are generated: between `<!-- generated: WHAT -->` and
//! `<!-- end -->`.
//!
//! `just reference` writes them anew; the test fails while they differ.

use std::{fs, process::Command};

use offload_tests::program;

use super::{markdown_under, openapi, reader::SharedStack, root};

const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end -->";

/// What a program prints for `--help`, at its own width.
fn help(command: &str) -> String {
    let mut words = command.split(' ');
    let output = Command::new(program(words.next().unwrap())).args(words).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success(), "{command} --help: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// One setting as `--help` has it.
struct Setting {
    flag: String,
    text: String,
}

impl Setting {
    /// The value behind `[NAME: ` in its text, as `[default: 30]`.
    fn bracket(&self, name: &str) -> Option<&str> {
        let start = self.text.find(&format!("[{name}: "))? + name.len() + 3;
        Some(&self.text[start..start + self.text[start..].find(']')?])
    }

    fn meaning(&self) -> &str {
        self.text.split(" [").next().unwrap_or_default()
    }
}

fn settings_of(command: &str) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    for line in help(command).lines() {
        let trimmed = line.trim();
        if let Some(flag) = trimmed.strip_prefix("--").and_then(|f| f.strip_suffix(" <VALUE>")) {
            settings.push(Setting { flag: flag.to_owned(), text: String::new() });
        } else if let Some(setting) = settings.last_mut().filter(|_| line.starts_with("        ")) {
            let space = if setting.text.is_empty() { "" } else { " " };
            setting.text.push_str(space);
            setting.text.push_str(trimmed);
        }
    }
    settings.retain(|s| s.bracket("env").is_some());
    settings
}

/// The settings of one program.
fn settings(command: &str) -> String {
    let mut rows = vec!["| variable | default | meaning |".to_owned(), "|---|---|---|".to_owned()];
    for setting in settings_of(command) {
        let default = setting.bracket("default").map(|d| format!("`{d}`")).unwrap_or_default();
        let variable = setting.bracket("env").unwrap();
        assert_eq!(variable, format!("OFFLOAD_{}", setting.flag.replace('-', "_").to_uppercase()));
        rows.push(format!("| `{variable}` | {default} | {} |", setting.meaning().replace('|', "\\|")));
    }
    assert!(rows.len() > 10, "{command} --help lists no settings");
    rows.join("\n")
}

fn generated(what: &str) -> String {
    match what.split_once(' ') {
        None if what == "routes" => openapi::routes(),
        None if what == "problems" => {
            let rows = openapi::problems().into_iter().map(|(slug, places)| format!("| `{slug}` | {places} |"));
            ["| slug | answered by |".to_owned(), "|---|---|".to_owned()]
                .into_iter()
                .chain(rows)
                .collect::<Vec<_>>()
                .join("\n")
        }
        Some(("members", schema)) => openapi::members(schema),
        Some(("settings", command)) => settings(command),
        Some(("help", command)) => format!("```text\n{}\n```", help(command)),
        _ => panic!("nobody generates {what:?}"),
    }
}

/// A page with its generated parts made anew.
fn renewed(page: &str) -> String {
    let mut parts = page.split(BEGIN);
    let mut renewed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (what, rest) = part.split_once(" -->").unwrap();
        let (_, after) = rest.split_once(END).unwrap_or_else(|| panic!("{what}: no {END} after it"));
        renewed.push_str(&format!("{BEGIN}{what} -->\n\n{}\n\n{END}{after}", generated(what)));
    }
    renewed
}

#[test]
fn the_reference_is_what_the_programs_and_the_document_say() {
    let update = std::env::var_os("UPDATE_REFERENCE").is_some();
    for path in markdown_under("docs") {
        let page = fs::read_to_string(root().join(&path)).unwrap();
        let renewed = renewed(&page);
        if update && renewed != page {
            fs::write(root().join(&path), renewed).unwrap();
        } else if renewed != page {
            let (new, old) = renewed.lines().zip(page.lines()).find(|(new, old)| new != old).unwrap_or_default();
            panic!("{}: `just reference` writes it anew\n- {old}\n+ {new}", path.display());
        }
    }
}

#[test]
fn every_metric_is_in_the_reference() {
    let stack = SharedStack::start();
    let metrics = format!("{}/metrics", stack.addresses().api());
    let output = Command::new("curl").args(["-sf", &metrics]).output().unwrap();
    drop(stack);
    let page = fs::read_to_string(root().join("docs/reference/metrics.md")).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let counted: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(counted.len() > 3, "{text}");
    for name in counted {
        assert!(page.contains(&format!("| `{name}")), "{name} is not in docs/reference/metrics.md");
    }
}
