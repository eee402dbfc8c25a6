//! The READMEs of the Terraform list every variable and output. `UPDATE_REFERENCE=1` writes the
//! lists anew.

use std::path::{Path, PathBuf};

use regex::Regex;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/terraform");
    let modules = std::fs::read_dir(root.join("modules")).unwrap().map(|module| module.unwrap().path());
    let mut folders: Vec<PathBuf> = modules.collect();
    folders.sort();
    folders.push(root);
    folders
}

/// The files of a folder, that of the variables first.
fn text(folder: &Path) -> String {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|f| f.extension().is_some_and(|e| e == "tf")).collect();
    files.sort_by_key(|file| (!file.ends_with("variables.tf"), file.clone()));
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// Name and body of each block of a kind, as they are written.
fn blocks(text: &str, kind: &str) -> Vec<(String, String)> {
    let block = Regex::new(&format!(r#"(?ms)^{kind} "([^"]+)" \{{\n(.*?)^\}}"#)).unwrap();
    block.captures_iter(text).map(|c| (c[1].to_owned(), c[2].to_owned())).collect()
}

/// The value of an attribute of a block, as it is written.
fn attribute(body: &str, name: &str) -> Option<String> {
    let value = Regex::new(&format!(r"(?m)^  {name}\s+= (.+)$")).unwrap();
    value.captures(body).map(|c| c[1].to_owned())
}

fn description(name: &str, body: &str) -> String {
    let text = attribute(body, "description").unwrap_or_else(|| panic!("{name} has no description"));
    text.trim_matches('"').replace("\\\"", "\"").replace('|', "\\|")
}

fn tables(folder: &Path) -> [String; 2] {
    let text = text(folder);
    let mut variables = String::from("| variable | | default |\n|---|---|---|\n");
    for (name, body) in blocks(&text, "variable") {
        let default = attribute(&body, "default").map_or_else(|| "required".to_owned(), |d| format!("`{d}`"));
        variables += &format!("| `{name}` | {} | {default} |\n", description(&name, &body));
    }
    let mut outputs = String::from("| output | |\n|---|---|\n");
    for (name, body) in blocks(&text, "output") {
        outputs += &format!("| `{name}` | {} |\n", description(&name, &body));
    }
    [variables, outputs]
}

/// Puts a table in the place of the one with the same head.
fn with_table(page: &str, table: &str, file: &Path) -> String {
    let head = table.lines().next().unwrap();
    let start = page.find(&format!("\n{head}\n")).unwrap_or_else(|| panic!("{}: no {head}", file.display())) + 1;
    let end = page[start..].find("\n\n").map_or(page.len(), |end| start + end + 1);
    format!("{}{table}{}", &page[..start], &page[end..])
}

#[test]
fn the_readmes_list_every_variable_and_output() {
    for folder in folders() {
        let file = folder.join("README.md");
        let page = std::fs::read_to_string(&file).unwrap();
        let written = tables(&folder).iter().fold(page.clone(), |page, table| with_table(&page, table, &file));
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::write(&file, &written).unwrap();
        } else {
            assert!(page == written, "{} is not up to date: `just generate`", file.display());
        }
    }
}
