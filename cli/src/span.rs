//! Time spans in words.

/// A time span in words: `0.8 s`, `12 s`, `2 min 5 s`, `1 h 12 min`.
pub(crate) fn in_words(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    if seconds < 9.95 {
        let tenths = format!("{seconds:.1}");
        return format!("{} s", tenths.strip_suffix(".0").unwrap_or(&tenths));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and `as` saturates")]
    let whole = seconds.round() as u64;
    let two = |big: u64, unit: &str, small: u64, sub: &str| {
        if small == 0 { format!("{big} {unit}") } else { format!("{big} {unit} {small} {sub}") }
    };
    match whole {
        0..120 => format!("{whole} s"),
        120..3_600 => two(whole / 60, "min", whole % 60, "s"),
        3_600..172_800 => two(whole / 3_600, "h", whole % 3_600 / 60, "min"),
        _ => two(whole / 86_400, "days", whole % 86_400 / 3_600, "h"),
    }
}

/// `between 9 and 20 s`.
pub(crate) fn between(low: f64, high: f64) -> String {
    let (low, high) = (in_words(low), in_words(high));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, unit)), Some((_, same))) if unit == same => format!("between {number} and {high}"),
        _ => format!("between {low} and {high}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_span_is_in_the_units_that_matter() {
        for (seconds, text) in [
            (-1.0, "0 s"),
            (0.84, "0.8 s"),
            (2.0, "2 s"),
            (9.96, "10 s"),
            (12.4, "12 s"),
            (119.0, "119 s"),
            (125.0, "2 min 5 s"),
            (3_599.6, "1 h"),
            (4_320.0, "1 h 12 min"),
            (200_000.0, "2 days 7 h"),
            (f64::NAN, "0 s"),
        ] {
            assert_eq!(in_words(seconds), text, "{seconds}");
        }
    }
}
