//! What README.md and the book in docs/ say is true: every command is run as it is written, the
//! reference is what the programs say of themselves, and every link leads somewhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails at that line")]

mod addresses;
mod home;
mod links;
mod openapi;
mod output;
mod page;
mod process;
mod reader;
mod reference;
mod service;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
};

use page::Page;
use reader::SharedStack;

/// Pages that are read at the same time: most of a page is waiting for orders.
const READERS: usize = 4;

/// The folder that the repository is in.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Markdown file under a folder of the repository, by its path from the root; not what is
/// built or fetched.
fn markdown_under(folder: &str) -> Vec<PathBuf> {
    let (root, mut found, mut folders) = (root(), Vec::new(), vec![PathBuf::from(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let (name, path) = (entry.file_name(), folder.join(entry.file_name()));
            let name = name.to_string_lossy();
            if entry.file_type().unwrap().is_dir() {
                if !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_ref()) {
                    folders.push(path);
                }
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_command_of_the_docs_works_as_it_is_written() {
    let paths = [PathBuf::from("README.md")].into_iter().chain(markdown_under("docs"));
    let (mut pages, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        match Page::read(&root(), &path) {
            Ok(page) if page.runs() => pages.push(page),
            Ok(_) => {}
            Err(wrong) => errors.extend(wrong),
        }
    }
    // To work on one page: `OFFLOAD_DOCS_PAGE=push cargo test -p offload-tests --test docs`.
    if let Ok(part) = std::env::var("OFFLOAD_DOCS_PAGE") {
        pages.retain(|page| page.path.to_string_lossy().contains(&part));
    }
    let (pages, errors) = (Arc::new(Mutex::new(pages)), Arc::new(Mutex::new(errors)));
    let stack = SharedStack::start();
    let readers = (0..READERS).map(|_| {
        let (pages, errors, addresses) = (Arc::clone(&pages), Arc::clone(&errors), stack.addresses().clone());
        thread::spawn(move || {
            while let Some(page) = { pages.lock().unwrap().pop() } {
                if let Err(error) = reader::read(&page, &addresses) {
                    errors.lock().unwrap().push(error);
                }
            }
        })
    });
    readers.collect::<Vec<_>>().into_iter().for_each(|reader| reader.join().unwrap());
    drop(stack);
    let errors = errors.lock().unwrap();
    assert!(errors.is_empty(), "{}", errors.join("\n\n"));
}
