//! Colours, and tables of labels and texts.

use offload_client::Status;

/// Colours, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint(bool);

impl Paint {
    pub(crate) fn new(colours: bool) -> Self {
        Self(colours)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.ansi("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.ansi("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.ansi("31", text)
    }

    pub(crate) fn status(self, status: Status) -> String {
        let colour = match status {
            Status::Pending => "33",
            Status::Processing => "36",
            Status::Completed => "32",
            Status::Failed => "31",
            Status::Cancelled => "35",
        };
        self.ansi(colour, status.as_str())
    }

    /// Every sequence that it uses.
    pub(crate) fn codes() -> impl Iterator<Item = String> {
        ["0", "1", "2", "31", "32", "33", "35", "36"].into_iter().map(|code| format!("\x1b[{code}m"))
    }

    fn ansi(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// One line for each label and its text, the texts aligned.
pub(crate) fn table(rows: &[(&str, String)], indent: &str, paint: Paint) -> String {
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let line = |(label, text): &(&str, String)| format!("{indent}{}  {text}\n", paint.dim(&format!("{label:width$}")));
    rows.iter().map(line).collect()
}
