//! Settings as a part of the documentation.

use super::{Kept, Setting};

/// The settings of a program in Markdown: for each group a heading and a table of variable, default
/// and meaning.
#[must_use]
pub fn reference_markdown(settings: &[Setting]) -> String {
    let mut groups: Vec<&str> = Vec::new();
    for setting in settings {
        if !groups.contains(&setting.group) {
            groups.push(setting.group);
        }
    }
    let table = |group: &&str| {
        let rows = settings.iter().filter(|setting| setting.group == *group).map(row);
        let head = format!("### {group}\n\n| variable | default | meaning |\n|---|---|---|\n");
        head + &rows.collect::<Vec<_>>().join("\n")
    };
    groups.iter().map(table).collect::<Vec<_>>().join("\n\n")
}

fn row(setting: &Setting) -> String {
    let default = setting.default.map(|default| format!("`{default}`"));
    let notes = [(setting.required, "required"), (setting.secret, "secret")].into_iter().filter(|(is, _)| *is);
    let kept = Kept::ALL.into_iter().filter(|_| setting.secret);
    let kept = kept.map(|kept| format!("or `{}`", setting.variable_of(kept)));
    let notes = notes.map(|(_, note)| note.to_owned());
    let default: Vec<String> = default.into_iter().chain(notes).chain(kept).collect();
    // What Markdown would take for its own.
    let meaning = setting.help.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;");
    format!("| `{}` | {} | {meaning} |", setting.variable(), default.join(", "))
}
