//! docs/reference/refusals.md, line by line.

use offload_tests::{
    Response, Setup, System,
    orders::{fulfilment, report, with_options},
};
use reqwest::Method;
use serde_json::json;

const PAGE: &str = include_str!("../../docs/reference/refusals.md");

/// A line of a table.
#[derive(Debug)]
struct Line {
    what: String,
    parts: Vec<String>,
    status: u16,
    slug: Option<String>,
    pointers: Vec<String>,
}

/// The texts between single backticks, which may be empty.
fn codes(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn lines() -> Vec<Line> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [what, by, answer] = cells[..] else { panic!("three cells: {row}") };
        let (status, rest) = answer.split_at(3);
        let mut words = codes(rest);
        let slug = (!words.is_empty()).then(|| words.remove(0));
        Line { what: what.to_owned(), parts: codes(by), status: status.parse().unwrap(), slug, pointers: words }
    })
    .collect()
}

/// Sends what a line says.
async fn send(system: &System, line: &Line, values: &[(&str, String)]) -> Response {
    let filled = |text: &String| values.iter().fold(text.clone(), |text, (name, value)| text.replace(name, value));
    let parts: Vec<String> = line.parts.iter().map(filled).collect();
    let (method, path) = parts[0].split_once(' ').unwrap();
    let mut request = system.request(method.parse::<Method>().unwrap(), path);
    let mut declared = false;
    for part in &parts[1..] {
        let header =
            part.split_once(": ").filter(|(name, _)| name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-'));
        if let Some((name, value)) = header {
            declared |= name == "Content-Type";
            request = request.header(name, value);
            continue;
        }
        let spaces = part.strip_prefix('<').and_then(|rest| rest.strip_suffix(" spaces>")?.parse().ok());
        let body = spaces.map_or_else(|| part.replace("<mark>", "\u{feff}"), |n| " ".repeat(n));
        request = if declared { request } else { request.header("content-type", "application/json") }.body(body);
    }
    system.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_the_table_of_refusals_is_answered_as_it_says() {
    let system = Setup::default().start().await;
    let later = with_options(report(1), json!({"delay_seconds": 3_600}));
    let (id, other) = (system.order(&later).await, system.order(&later).await);
    let ended = system.order(&fulfilment()).await;
    system.done(&ended).await;
    let read_token = id.body["read_token"].as_str().unwrap().to_owned();
    let values = [
        ("{id}", id.id),
        ("{token}", id.token),
        ("{read_token}", read_token),
        ("{other}", other.token),
        ("{ended}", ended.id),
        ("{ended_token}", ended.token),
    ];
    let lines = lines();
    assert!(lines.len() > 40, "{}", lines.len());
    for line in lines {
        assert!(!line.what.is_empty(), "{line:?}");
        let answer = send(&system, &line, &values).await;
        assert_eq!(answer.status, line.status, "{line:?}: {answer:?}");
        let Some(slug) = &line.slug else { continue };
        let problem = answer.json();
        assert!(problem["type"].as_str().unwrap().ends_with(&format!("/{slug}")), "{line:?}: {problem}");
        let pointers: Vec<&str> =
            problem["errors"].as_array().into_iter().flatten().map(|e| e["pointer"].as_str().unwrap()).collect();
        assert_eq!(pointers, line.pointers, "{line:?}: {problem}");
    }
}
