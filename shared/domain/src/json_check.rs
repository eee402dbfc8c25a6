//! Checks JSON in one pass that builds nothing. Pure.

use std::{borrow::Cow, fmt, io};

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::problem::Violation;

/// How deep objects and arrays may be nested. Many parsers stop at 128 levels or so, and the text
/// is passed on within other objects.
pub const NESTING_MAX: usize = 100;

/// What a tree of `serde_json::Value` takes for each value, each member and each object or array
/// beside its texts, in bytes: rounded up, since its vectors and maps grow ahead of need.
const VALUE_BYTES: usize = 144;
const MEMBER_BYTES: usize = 192;
const CONTAINER_BYTES: usize = 288;

/// How much is in a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// Values, at every level.
    pub values: usize,
    /// What a tree of them would take at most, in bytes: about.
    pub tree_bytes: usize,
}

/// Why a text is not accepted.
#[derive(Debug)]
pub enum Fault {
    /// It is not JSON. The error names line and column, and quotes nothing.
    Syntax(serde_json::Error),
    /// It is JSON that receivers would read differently.
    Violation(Violation),
}

/// Checks a text that is passed on to others: it is JSON, no object has two members of one name
/// (RFC 8259 leaves open which of them counts, and I-JSON and RFC 8785 forbid them), every number
/// is in the range of a double, strings are Unicode, and nothing is nested deeper than
/// [`NESTING_MAX`].
///
/// # Errors
/// The first [`Fault`].
pub fn check(text: &str) -> Result<Contents, Fault> {
    let mut state = State::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let checked = Checked(&mut state).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match (checked, state.violation) {
        (Ok(()), _) => Ok(state.contents),
        (Err(_), Some(violation)) => Err(Fault::Violation(violation)),
        (Err(e), None) => Err(Fault::Syntax(e)),
    }
}

/// Checks a document of any size as it is read: it is JSON, nested no deeper than serde_json goes
/// (127 levels). It holds no more of it than its longest string.
///
/// # Errors
/// If it is not, or the reader fails.
pub fn check_reader(reader: impl io::Read) -> Result<(), serde_json::Error> {
    check_all(serde_json::Deserializer::from_reader(reader))
}

/// The same for a document in memory.
///
/// # Errors
/// If it is not.
pub fn check_slice(document: &[u8]) -> Result<(), serde_json::Error> {
    check_all(serde_json::Deserializer::from_slice(document))
}

fn check_all<'de>(mut document: serde_json::Deserializer<impl serde_json::de::Read<'de>>) -> serde_json::Result<()> {
    Read::deserialize(&mut document)?;
    document.end()
}

/// One step from a value to a value in it.
enum Step<'de> {
    Member(Cow<'de, str>),
    Item(usize),
}

#[derive(Default)]
struct State<'de> {
    path: Vec<Step<'de>>,
    contents: Contents,
    violation: Option<Violation>,
}

impl State<'_> {
    fn count(&mut self, bytes: usize) {
        self.contents.values += 1;
        self.contents.tree_bytes += VALUE_BYTES + bytes;
    }

    /// Begins an object or an array.
    fn enter<E: de::Error>(&mut self) -> Result<(), E> {
        self.count(CONTAINER_BYTES);
        if self.path.len() < NESTING_MAX {
            return Ok(());
        }
        Err(self.violated("", format!("is nested deeper than {NESTING_MAX} levels")))
    }

    /// Keeps the violation, and ends the pass.
    fn violated<E: de::Error>(&mut self, member: &str, detail: String) -> E {
        let mut pointer = String::new();
        let mut add = |name: &str| {
            pointer.push('/');
            pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        };
        for step in &self.path {
            match step {
                Step::Member(name) => add(name),
                Step::Item(n) => add(&n.to_string()),
            }
        }
        if !member.is_empty() {
            add(member);
        }
        self.violation = Some(Violation { pointer, detail });
        E::custom("a violation")
    }
}

/// A value at the place where the state is.
struct Checked<'s, 'de>(&'s mut State<'de>);

impl<'de> DeserializeSeed<'de> for Checked<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// A member's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Checked<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.0.count(0);
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.0.count(text.len());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.enter()?;
        for n in 0.. {
            self.0.path.push(Step::Item(n));
            let item = items.next_element_seed(Checked(self.0))?;
            self.0.path.pop();
            if item.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.enter()?;
        let mut names = Vec::new();
        while let Some(Name(name)) = members.next_key()? {
            self.0.contents.tree_bytes += MEMBER_BYTES + name.len();
            self.0.path.push(Step::Member(name));
            members.next_value_seed(Checked(self.0))?;
            if let Some(Step::Member(name)) = self.0.path.pop() {
                names.push(name);
            }
        }
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => {
                let detail = "is a member that its object has twice; receivers differ in which one counts";
                Err(self.0.violated(&pair[0], detail.to_owned()))
            }
        }
    }
}

/// A value that was read, of which nothing is kept. `serde::de::IgnoredAny` would not check that
/// strings are Unicode, nor how deep it is nested.
struct Read;

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(text: &str) -> String {
        match check(text) {
            Err(Fault::Violation(violation)) => violation.pointer,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_name_is_in_an_object_once_at_every_level_and_however_it_is_spelled() {
        assert_eq!(violation(r#"{"a":1,"b":2,"a":1}"#), "/a");
        assert_eq!(violation(r#"{"x":[0,{"b/c~d":1,"b\/c~d":2}]}"#), "/x/1/b~1c~0d");
        assert_eq!(violation(r#"{"é":{},"\u00e9":{}}"#), "/é");
        assert!(check(r#"{"a":{"a":[{"a":1},{"a":1}]}}"#).is_ok());
    }

    #[test]
    fn nesting_has_its_bound_and_the_pointer_leads_there() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(check(&nested(NESTING_MAX)).is_ok());
        assert_eq!(violation(&nested(NESTING_MAX + 1)), "/0".repeat(NESTING_MAX));
        assert!(matches!(check(&nested(100_000)), Err(Fault::Violation(_))));
        assert!(check_reader(nested(NESTING_MAX).as_bytes()).is_ok());
        assert!(check_reader(nested(100_000).as_bytes()).is_err());
    }

    #[test]
    fn what_is_not_json_in_unicode_or_no_double_is_refused() {
        for bad in ["", "{", "[1,]", "1 2", "01", "1.", "\"\\ud800\"", "\"\u{1}\"", "NaN", "1e400", "\u{feff}1"] {
            assert!(matches!(check(bad), Err(Fault::Syntax(_))), "{bad}");
            assert!(check_reader(bad.as_bytes()).is_err() && check_slice(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(check_reader(&b"\"\xff\""[..]).is_err() && check_slice(b"\"\xff\"").is_err());
        for good in ["-0", "1E+2", "1e-400", "18446744073709551617", "\"\\ud83d\\ude00\"", " [ ] \n", "null"] {
            assert!(check(good).is_ok(), "{good}");
            assert!(check_reader(good.as_bytes()).is_ok() && check_slice(good.as_bytes()).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_tree_is_estimated_on_the_safe_side() {
        let contents = |text: &str| check(text).unwrap();
        assert_eq!(contents("[1,2,[3]]").values, 5);
        let one = size_of::<serde_json::Value>();
        for (text, at_least) in [
            ("[0,0,0,0,0,0,0,0]", 8 * one),
            // A vector has room for four at least.
            ("[[0],[0]]", 2 * (one + 4 * one)),
            (r#"["0123456789"]"#, 10 + 4 * one),
        ] {
            assert!(contents(text).tree_bytes >= at_least, "{text}");
        }
    }
}
