//! The parts of docs/reference that are generated: between `<!-- generated: WHAT -->` and
//! `<!-- end -->`.
//!
//! `just generate` writes them anew; the test fails while they differ.

use std::{fs, process::Command};

use offload_domain::problem::ProblemType;
use offload_service::settings::reference_markdown;
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

/// What `offload doctor` lists.
fn doctor(flag: &str) -> String {
    let output = Command::new(program("offload")).args(["doctor", flag]).env_clear().output().unwrap();
    assert!(output.status.success(), "offload doctor {flag}: {}", output.status);
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// The settings of one program.
fn settings(program: &str) -> String {
    match program {
        "offload-api" => reference_markdown(&offload_api::program::settings()),
        "offload-worker" => reference_markdown(&offload_worker::program::settings()),
        _ => panic!("{program} has no settings"),
    }
}

/// Every type of problem, and where a client meets it.
fn problems() -> String {
    let routes = openapi::routes_by_problem();
    let rows = ProblemType::ALL.iter().map(|problem| {
        let (slug, status, title) = (problem.slug(), problem.status(), problem.title());
        let places = routes.get(slug).map(|routes| routes.join(", ")).unwrap_or_default();
        format!("| `{slug}` | {status} | {title} | {places} |")
    });
    let head = ["| slug | status | title | answered by |".to_owned(), "|---|---|---|---|".to_owned()];
    head.into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

fn generated(what: &str) -> String {
    match what.split_once(' ') {
        None if what == "routes" => openapi::routes(),
        None if what == "problems" => problems(),
        None if what == "findings" => doctor("--list"),
        None if what == "doctor-actions" => format!("```text\n{}\n```", doctor("--actions")),
        Some(("members", schema)) => openapi::members(schema),
        Some(("settings", program)) => settings(program),
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
            panic!("{}: `just generate` writes it anew\n- {old}\n+ {new}", path.display());
        }
    }
}

#[test]
fn every_problem_has_advice() {
    let page = fs::read_to_string(root().join("docs/reference/problems.md")).unwrap();
    let (_, advice) = page.split_once("## What to do").unwrap();
    for problem in ProblemType::ALL {
        let row = format!("| `{}` | ", problem.slug());
        assert!(advice.contains(&row), "docs/reference/problems.md does not say what to do about {}", problem.slug());
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
