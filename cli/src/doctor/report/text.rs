//! For people: findings, and the list of all kinds of them.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    doctor::{
        check::{Check, Report, Severity},
        findings,
    },
    paint::Paint,
    render::count,
};

/// Columns of a terminal.
const WIDTH: usize = 96;

/// The report as a page.
pub(in crate::doctor) fn text(report: &Report, source: &str, paint: Paint) -> String {
    let mut page = String::new();
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Error => paint.red("error"),
            severity => paint.bold(&severity.to_string()),
        };
        page += &format!("{severity}  {}  {}\n", paint.bold(&finding.id), finding.resource);
        for (label, text) in [("", &finding.what), ("Why: ", &finding.why), ("Fix: ", &finding.fix)] {
            page += &indented(&format!("{label}{text}"), "    ");
        }
        page += &format!("    {}\n\n", paint.dim(&finding.docs));
    }
    if !report.not_checked.is_empty() {
        page += "Not checked:\n";
        for (why, what) in reasons(report) {
            page += &indented(&format!("{}: {why}", what.join(", ")), "    ");
        }
        page.push('\n');
    }
    let found = match report.findings.len() {
        0 => "nothing found".to_owned(),
        _ => {
            let of = |severity| report.findings.iter().filter(|f| f.severity == severity).count() as u64;
            let by = [Severity::Error, Severity::Warning, Severity::Note].map(|s| (of(s), s.to_string()));
            let by: Vec<String> = by.into_iter().filter(|(n, _)| *n > 0).map(|(n, s)| count(n, &s)).collect();
            format!("{}: {}", count(report.findings.len() as u64, "finding"), by.join(", "))
        }
    };
    let unchecked = match report.not_checked.len() {
        0 => String::new(),
        n => format!(", {n} not done"),
    };
    let _ = write!(page, "{source}: {found}; {} passed{unchecked}", count(report.passed as u64, "check"));
    page
}

/// The checks that were not done, by the reason.
fn reasons(report: &Report) -> Vec<(String, Vec<String>)> {
    let mut by_reason: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for unchecked in &report.not_checked {
        by_reason.entry(&unchecked.why).or_default().entry(&unchecked.id).or_default().push(&unchecked.resource);
    }
    let of_id = |(id, resources): (&str, Vec<&str>)| match resources.len() {
        1 => format!("{id} ({})", resources[0]),
        n => format!("{id} ({n} resources)"),
    };
    by_reason.into_iter().map(|(why, ids)| (why.to_owned(), ids.into_iter().map(of_id).collect())).collect()
}

/// A text in lines, each with this before it.
fn indented(text: &str, indent: &str) -> String {
    wrapped(text, WIDTH - indent.len()).lines().map(|line| format!("{indent}{line}\n")).collect()
}

/// All kinds of findings, in Markdown: a heading for each, by which links find it.
pub(in crate::doctor) fn list() -> String {
    let section = |check: &Check| {
        let paragraph = |text: &str| wrapped(text, 100);
        format!(
            "## {}\n\n{}\n{}\n{}",
            check.id,
            paragraph(&format!("**{}.** {}.", capital(check.severity), check.title)),
            paragraph(check.why),
            paragraph(&format!("Fix: {}", lower(check.fix)))
        )
    };
    findings::all().map(section).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// A text in lines of this width at most, but for longer words.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one from the beginning");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

fn capital(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "Note",
        Severity::Warning => "Warning",
        Severity::Error => "Error",
    }
}

fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
