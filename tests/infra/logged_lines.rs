//! Alarms count lines of the programs' logs. A line that is reworded must take its filter with it.

use std::path::Path;

use offload_tests::terraform::{local, module, object, text_of};

/// The sources of the programs, without comments.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders: Vec<_> = ["shared", "worker/src"].iter().map(|folder| root.join(folder)).collect();
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.path() {
                inner if inner.is_dir() => folders.push(inner),
                file if file.extension().is_some_and(|e| e == "rs") => text += &std::fs::read_to_string(file).unwrap(),
                _ => {}
            }
        }
    }
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |text, line| text + line + "\n")
}

/// What the programs log with this message: the macro's arguments.
fn logged<'a>(sources: &'a str, message: &str) -> Vec<&'a str> {
    let call = regex::Regex::new(r"tracing::(?:info|warn|error)!\(([^;]*?)\),?;?\n").unwrap();
    let found = call.captures_iter(sources).map(|c| c.get(1).unwrap().as_str().trim());
    found.filter(|arguments| arguments.ends_with(&format!("\"{message}\""))).collect()
}

#[test]
fn every_line_that_an_alarm_counts_is_logged() {
    let (observability, sources) = (module("observability"), sources());
    for metric in ["dead-lettered", "hung", "stuck", "sweeper"] {
        let text = text_of(object(object(local(&observability, "counted_lines"), metric), "text"));
        assert!(!logged(&sources, &text).is_empty(), "{metric}: no program logs {text:?}");
    }
}

#[test]
fn the_wait_of_an_order_is_logged_with_its_priority() {
    let observability = hcl::format::to_string(&module("observability")).unwrap();
    let pattern = r#"{ $.message = \"work on an order starts\" && $.waited_seconds = * && $.priority = * }"#;
    assert!(observability.contains(pattern), "{observability}");
    let sources = sources();
    let lines = logged(&sources, "work on an order starts");
    assert_eq!(lines.len(), 1, "{lines:?}");
    for field in ["waited_seconds =", "priority,"] {
        assert!(lines[0].contains(field), "no {field} in {}", lines[0]);
    }
}

#[test]
fn functions_and_containers_log_json() {
    let log_format = offload_service::settings::ALL.iter().find(|s| s.variable() == "OFFLOAD_LOG_FORMAT").unwrap();
    assert_eq!(log_format.default, Some("json"), "the filters read JSON");
}
