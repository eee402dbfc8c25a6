//! One text per JSON document, whatever its white space, the order of its members and the spelling
//! of its numbers and strings. Pure.
//!
//! It is that of RFC 8785 (JCS), but for numbers that no double holds as they are written. JCS
//! rounds those, so that two documents that differ in the 24th digit would be one; here they keep
//! their digits, laid out by the same rule.

use std::{borrow::Cow, ops::Range};

/// The canonical text of a document that [`crate::json_check::check`] accepts; `None` for others,
/// as far as it meets what is wrong with them.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let mut writer = Writer { rest: text, out: String::with_capacity(text.len()) };
    writer.value()?;
    Some(writer.out)
}

struct Writer<'a> {
    rest: &'a str,
    out: String,
}

impl<'a> Writer<'a> {
    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => {
                let token = self.string_token()?;
                self.write_string(token)?;
                Some(())
            }
            _ => self.scalar(),
        }
    }

    fn array(&mut self) -> Option<()> {
        self.take('[')?;
        self.out.push('[');
        if self.peek()? != b']' {
            loop {
                self.value()?;
                if self.peek()? != b',' {
                    break;
                }
                self.take(',')?;
                self.out.push(',');
            }
        }
        self.take(']')?;
        self.out.push(']');
        Some(())
    }

    fn object(&mut self) -> Option<()> {
        self.take('{')?;
        self.out.push('{');
        let begin = self.out.len();
        let mut members: Vec<(Cow<'a, str>, Range<usize>)> = Vec::new();
        if self.peek()? != b'}' {
            loop {
                let start = self.out.len();
                let token = self.string_token()?;
                let name = self.write_string(token)?;
                self.take(':')?;
                self.out.push(':');
                self.value()?;
                members.push((name, start..self.out.len()));
                if self.peek()? != b',' {
                    break;
                }
                self.take(',')?;
                self.out.push(',');
            }
        }
        self.take('}')?;
        self.sort(begin, members);
        self.out.push('}');
        Some(())
    }

    /// Puts the members that were written from `begin` on in order of their names, as UTF-16.
    fn sort(&mut self, begin: usize, mut members: Vec<(Cow<'a, str>, Range<usize>)>) {
        let order = |a: &str, b: &str| a.encode_utf16().cmp(b.encode_utf16());
        if members.is_sorted_by(|(a, _), (b, _)| order(a, b).is_le()) {
            return;
        }
        members.sort_by(|(a, _), (b, _)| order(a, b));
        let mut sorted = String::with_capacity(self.out.len() - begin);
        for (_, member) in members {
            if !sorted.is_empty() {
                sorted.push(',');
            }
            sorted.push_str(&self.out[member]);
        }
        self.out.truncate(begin);
        self.out.push_str(&sorted);
    }

    /// A number, or one of the three words.
    fn scalar(&mut self) -> Option<()> {
        let end = self.rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        match token.as_bytes().first()? {
            b'-' | b'0'..=b'9' => write_number(token, &mut self.out),
            _ => self.out.push_str(token),
        }
        Some(())
    }

    /// Writes a string and gives its value. What has no escapes is canonical as it is.
    fn write_string(&mut self, token: &'a str) -> Option<Cow<'a, str>> {
        if !token.contains('\\') {
            self.out.push_str(token);
            return Some(Cow::Borrowed(&token[1..token.len() - 1]));
        }
        let value: String = serde_json::from_str(token).ok()?;
        // serde_json escapes what JCS does, in the same way.
        self.out.push_str(&serde_json::to_string(&value).ok()?);
        Some(Cow::Owned(value))
    }

    /// The next string with its quotes.
    fn string_token(&mut self) -> Option<&'a str> {
        if self.peek()? != b'"' {
            return None;
        }
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|b| {
            let end = b == b'"' && !escaped;
            escaped = b == b'\\' && !escaped;
            end
        })?;
        let (token, rest) = self.rest.split_at(end + 2);
        self.rest = rest;
        Some(token)
    }

    /// The byte after white space.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.bytes().next()
    }

    fn take(&mut self, sign: char) -> Option<()> {
        self.peek()?;
        self.rest = self.rest.strip_prefix(sign)?;
        Some(())
    }
}

/// Writes a number by its decimal value, laid out as ECMAScript does (`Number::toString`): digits
/// without zeros around them, and an exponent below 1e-6 and from 1e21 on. The shortest digits of a
/// double are its canonical text in JCS, so for what a double holds as it is written the two agree.
fn write_number(literal: &str, out: &mut String) {
    let (negative, unsigned) = match literal.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, literal),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let significant = all.trim_start_matches('0');
    let digits = significant.trim_end_matches('0');
    if digits.is_empty() {
        // -0 too, as in JCS.
        out.push('0');
        return;
    }
    // Where the decimal point is, counted from the first significant digit.
    let shift = whole.len().checked_signed_diff(all.len() - significant.len());
    let point = shift.and_then(|s| exponent.parse::<i64>().ok()?.checked_add(i64::try_from(s).ok()?));
    let Some(point) = point else {
        // Nobody writes such an exponent; that equal values in two spellings differ does no harm.
        out.push_str(literal);
        return;
    };
    if negative {
        out.push('-');
    }
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    match usize::try_from(point.unsigned_abs()) {
        Ok(n) if (count..=21).contains(&point) => {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', n - digits.len()));
        }
        Ok(n) if (1..=21).contains(&point) => {
            let (before, after) = digits.split_at(n);
            out.extend([before, ".", after]);
        }
        Ok(n) if (-5..=0).contains(&point) => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', n));
            out.push_str(digits);
        }
        _ => {
            let (first, others) = digits.split_at(1);
            let fraction = if others.is_empty() { "" } else { "." };
            out.push_str(&format!("{first}{fraction}{others}e{:+}", point.saturating_sub(1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::json_check::check;

    fn canonical(text: &str) -> String {
        check(text).unwrap();
        super::canonical(text).unwrap()
    }

    #[test]
    fn the_example_of_rfc_8785_comes_out_but_for_its_number_beyond_a_double() {
        let text = r#"{
          "numbers": [333333333.33333329, 1E30, 4.50,
                      2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }"#;
        // JCS has 333333333.3333333 for the first: the double next to it.
        let expected = "{\"literals\":[null,true,false],\
             \"numbers\":[333333333.33333329,1e+30,4.5,0.002,1e-27],\
             \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(canonical(text), expected);
    }

    #[test]
    fn members_are_sorted_as_in_rfc_8785() {
        let text = r#"{
          "\u20ac": "Euro Sign",
          "\r": "Carriage Return",
          "\ufb33": "Hebrew Letter Dalet With Dagesh",
          "1": "One",
          "\ud83d\ude00": "Emoji: Grinning Face",
          "\u0080": "Control",
          "\u00f6": "Latin Small Letter O With Diaeresis"
        }"#;
        let written = canonical(text);
        let order = ["Carriage Return", "One", "Control", "Latin Small", "Euro Sign", "Emoji", "Hebrew"];
        let places: Vec<_> = order.iter().map(|value| written.find(value).unwrap()).collect();
        assert!(places.is_sorted(), "{written}");
        assert_eq!(canonical(r#"{"b":{"d":[],"c":{}},"a":1}"#), r#"{"a":1,"b":{"c":{},"d":[]}}"#);
    }

    #[test]
    fn doubles_are_written_as_in_appendix_b_of_rfc_8785() {
        for (bits, text) in [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        ] {
            let double = f64::from_bits(bits);
            assert_eq!(canonical(&format!("{double:e}")), text, "{bits:x}");
            assert_eq!(canonical(text), text);
        }
        // The last one of the table, 0x43143ff3c1cb0959, is between two shortest texts of a double,
        // and Rust writes the other one.
        assert_eq!(canonical("1.4249539237812062E15"), "1424953923781206.2");
    }

    #[test]
    fn one_value_has_one_text_and_every_digit_counts() {
        for (one, other) in
            [("1.0", "1"), ("1e0", "1"), ("-0", "0"), ("-0.0e7", "0"), ("1E+2", "100"), ("1e15", "1000000000000000")]
        {
            assert_eq!(canonical(one), canonical(other));
        }
        for (one, other) in [
            ("9007199254740992", "9007199254740993"),
            ("18446744073709551617", "18446744073709551616"),
            ("0.123456789012345678901234", "0.123456789012345678901235"),
            ("1e-400", "0"),
            ("1", "-1"),
        ] {
            assert_ne!(canonical(one), canonical(other));
        }
        assert_eq!(canonical("123456789012345678901234"), "1.23456789012345678901234e+23");
        assert_eq!(canonical("1e-99999999999999999999"), "1e-99999999999999999999");
    }

    /// A number as digits times a power of ten, and a spelling of it.
    fn spelling(digits: &str, exponent: i32, shift: usize, zeros: usize) -> String {
        let (before, after) = digits.split_at(shift % digits.len() + 1);
        let exponent = i64::from(exponent) + after.len() as i64;
        format!("{before}.{after}{}e{exponent:+}", "0".repeat(zeros + 1))
    }

    proptest! {
        #[test]
        fn a_double_is_read_back_and_has_one_text(double in any::<f64>().prop_filter("finite", |d| d.is_finite())) {
            let written = canonical(&format!("{double:e}"));
            prop_assert_eq!(&canonical(&format!("{double}")), &written);
            prop_assert_eq!(written.parse::<f64>().unwrap(), double);
            // serde_json may choose the other one of two shortest texts.
            let other = canonical(&serde_json::to_string(&double).unwrap());
            prop_assert_eq!(other.parse::<f64>().unwrap(), double);
        }

        #[test]
        fn spellings_of_a_number_agree_and_numbers_differ(
            digits in "[1-9][0-9]{0,40}", other in "[1-9][0-9]{0,40}", exponent in -40i32..40, shift in 0usize..40, zeros in 0usize..5
        ) {
            let plain = format!("{digits}e{exponent}");
            prop_assert_eq!(canonical(&plain), canonical(&spelling(&digits, exponent, shift, zeros)));
            let same = digits == other;
            prop_assert_eq!(canonical(&plain) == canonical(&format!("{other}e{exponent}")), same);
        }

        #[test]
        fn it_is_stable_and_keeps_the_value(value in any_json(4)) {
            let value: serde_json::Value = serde_json::from_str(&value).unwrap();
            let written = canonical(&serde_json::to_string_pretty(&value).unwrap());
            prop_assert_eq!(&canonical(&written), &written);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}\",:\\\\0-9eE+. a-]{0,60}") {
            let _ = super::canonical(&text);
        }
    }

    /// JSON whose numbers are of the kind that serde_json keeps.
    fn any_json(depth: u32) -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|b| b.to_string()),
            any::<i64>().prop_map(|n| n.to_string()),
            ".*".prop_map(|s: String| serde_json::to_string(&s).unwrap()),
        ];
        leaf.prop_recursive(depth, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::btree_map(".*", inner, 0..8).prop_map(|members| {
                    let member =
                        |(name, value): (String, String)| format!("{}:{value}", serde_json::to_string(&name).unwrap());
                    format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }
}
