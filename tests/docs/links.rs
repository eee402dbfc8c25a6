//! Links between the repository's Markdown files, and the book's table of contents.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

use super::{markdown_under, root};

/// The lines of a page that are prose, and those of tables.
fn prose(page: &str) -> Vec<&str> {
    let mut inside = false;
    page.lines()
        .filter(|line| {
            let fence = line.trim_start().starts_with("```");
            inside ^= fence;
            !inside && !fence
        })
        .collect()
}

/// The targets of a line's links and pictures.
fn targets(line: &str) -> Vec<&str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()).collect()
}

/// The anchor that a heading gets: its words in lower case, joined by hyphens.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

/// A path without its `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut broken = Vec::new();
    for path in markdown_under("") {
        let page = fs::read_to_string(root().join(&path)).unwrap();
        for target in prose(&page).into_iter().flat_map(targets) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { plain(&path.with_file_name("").join(file)) };
            let Ok(metadata) = fs::metadata(root().join(&file)) else {
                broken.push(format!("{}: {target} does not exist", path.display()));
                continue;
            };
            if !fragment.is_empty() && metadata.is_file() {
                let page = fs::read_to_string(root().join(&file)).unwrap();
                if !prose(&page).iter().any(|line| line.starts_with('#') && anchor(line) == fragment) {
                    broken.push(format!("{}: {target} names no heading", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_page_of_the_book_is_in_its_contents() {
    let contents = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let listed: BTreeSet<_> = contents.lines().flat_map(targets).map(|t| Path::new("docs").join(t)).collect();
    let mut pages: BTreeSet<_> = markdown_under("docs").into_iter().collect();
    pages.remove(Path::new("docs/SUMMARY.md"));
    assert_eq!(pages, listed);
}
