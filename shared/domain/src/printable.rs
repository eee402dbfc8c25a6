//! Text of others, on its way to people. Pure.

/// The text without what could steer a terminal, or disguise what a line says: each control
/// character (of C0, of C1, and DEL) and each character that changes the direction or the line
/// becomes a space.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

/// JSON in which such characters are escaped: the same value, fit for a terminal. White space
/// between the tokens stays.
#[must_use]
pub fn printable_json(json: &str) -> String {
    let mut printable = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // In JSON these are between tokens only; within a string they are escaped already.
            '\n' | '\r' | '\t' => printable.push(c),
            // None of them is above U+FFFF, where JSON needs two escapes.
            c if steers(c) => printable.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => printable.push(c),
        }
    }
    printable
}

/// Control characters; line and paragraph separators; and the marks by which a text that reads from
/// right to left is written, which can disguise one command as another.
pub(crate) fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_escape_sequence_is_left() {
        assert_eq!(printable("a\x1b[2Jb\x07\u{9b}31mc\r\nd\u{202e}e\x7f"), "a [2Jb  31mc  d e ");
        assert_eq!(
            printable("Gr\u{fc}\u{df}e, \u{65e5}\u{672c} \u{1f4e6}"),
            "Gr\u{fc}\u{df}e, \u{65e5}\u{672c} \u{1f4e6}"
        );
        assert_eq!(printable_json("{\n  \"a\": \"\u{9b}2J\u{7f}\"\n}"), "{\n  \"a\": \"\\u009b2J\\u007f\"\n}");
    }

    proptest! {
        #[test]
        fn json_keeps_its_value(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let printed = printable_json(&json);
            prop_assert_eq!(serde_json::from_str::<String>(&printed).unwrap(), text);
            prop_assert!(!printed.chars().any(steers));
        }
    }
}
