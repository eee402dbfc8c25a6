//! Reads the Terraform of this repository.

use std::path::Path;

use hcl::{Block, Body, Expression, ObjectKey};

/// All files of a folder under `infra/terraform`, as one body.
///
/// # Panics
/// If there are none, or one of them cannot be read.
#[must_use]
pub fn folder(folder: &str) -> Body {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/terraform").join(folder);
    let mut files: Vec<_> =
        std::fs::read_dir(&path).expect("readable Terraform").map(|f| f.expect("readable Terraform").path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "tf"));
    files.sort();
    assert!(!files.is_empty(), "{}", path.display());
    let structures = files.iter().flat_map(|file| {
        let text = std::fs::read_to_string(file).expect("readable Terraform");
        hcl::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    });
    structures.collect()
}

/// A module.
#[must_use]
pub fn module(name: &str) -> Body {
    folder(&format!("modules/{name}"))
}

/// The blocks of a kind with a first label, such as `resource "aws_sqs_queue"`.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn blocks(body: &Body, kind: &str, label: &str) -> Vec<Block> {
    let found =
        body.blocks().filter(|b| b.identifier() == kind && b.labels().first().is_some_and(|l| l.as_str() == label));
    let found: Vec<Block> = found.cloned().collect();
    assert!(!found.is_empty(), "no {kind} \"{label}\"");
    found
}

/// An attribute's expression.
///
/// # Panics
/// If there is no such attribute.
#[must_use]
pub fn attribute<'a>(body: &'a Body, key: &str) -> &'a Expression {
    body.attributes().find(|a| a.key() == key).unwrap_or_else(|| panic!("no {key}")).expr()
}

/// A local value of a module.
///
/// # Panics
/// If there is no such value.
#[must_use]
pub fn local<'a>(module: &'a Body, name: &str) -> &'a Expression {
    let locals = module.blocks().filter(|b| b.identifier() == "locals");
    let mut found = locals.filter_map(|l| l.body.attributes().find(|a| a.key() == name));
    found.next().unwrap_or_else(|| panic!("no local value {name}")).expr()
}

/// A member of an object expression.
///
/// # Panics
/// If it is no object or has no such member.
#[must_use]
pub fn object<'a>(expression: &'a Expression, key: &str) -> &'a Expression {
    let Expression::Object(members) = expression else { panic!("no object: {expression:?}") };
    let found = members.iter().find(|(k, _)| match k {
        ObjectKey::Identifier(i) => i.as_str() == key,
        other => other.to_string().trim_matches('"') == key,
    });
    found.unwrap_or_else(|| panic!("no {key}")).1
}

/// A literal string.
///
/// # Panics
/// If it is another expression.
#[must_use]
pub fn text_of(expression: &Expression) -> String {
    match expression {
        Expression::String(text) => text.clone(),
        other => panic!("no literal: {other:?}"),
    }
}

/// A list of literal strings.
///
/// # Panics
/// If it is another expression.
#[must_use]
pub fn texts_of(expression: &Expression) -> Vec<String> {
    match expression {
        Expression::Array(texts) => texts.iter().map(text_of).collect(),
        other => panic!("no list: {other:?}"),
    }
}
