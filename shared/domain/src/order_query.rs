//! The filter language of operators: `state:dead kind:report label:customer=acme age>1h`. Pure.
//!
//! The same words in the console, in `GET /admin/orders?q=`, in bulk actions and in `--where`.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    id::OrderId,
    idempotency::{IdempotencyKey, KEY_MAX_BYTES},
    labels::LabelFilter,
    order::OrderRecord,
    order_list::{Listed, OrderFilter},
    status::Status,
    tenant::Tenant,
};

/// The longest filter, in bytes.
pub const QUERY_MAX_BYTES: usize = 1_000;

/// What the language has, for people.
const NAMES: &str = "state, kind, label, key, id, tenant, reason, age or attempt";

/// What an operator searches for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderQuery {
    /// Which orders of a list.
    pub filter: OrderFilter,
    /// One order, which may be in no list.
    pub single: Option<Single>,
    /// The state as it was written.
    state: Option<State>,
}

/// How one order is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Single {
    /// By its id.
    Id(OrderId),
    /// By the hash of the idempotency key that gave it.
    Key(String),
}

/// A state of the language: that of a list, or an end that is in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Listed(Listed),
    Ended(Status),
}

/// A text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {at}: {why}")]
pub struct InvalidQuery {
    /// The number of the character, from 1.
    pub at: usize,
    /// What is wrong there, and what would be right.
    pub why: String,
}

impl From<OrderFilter> for OrderQuery {
    fn from(filter: OrderFilter) -> Self {
        Self { filter, ..Self::default() }
    }
}

impl OrderQuery {
    /// Reads a filter of somebody of `tenant`, whose key is meant where the filter names no other
    /// tenant. Ages are counted from `now`.
    ///
    /// # Errors
    /// [`InvalidQuery`], with the place.
    pub fn parse(text: &str, tenant: &Tenant, now: DateTime<Utc>) -> Result<Self, InvalidQuery> {
        if text.len() > QUERY_MAX_BYTES {
            return Err(InvalidQuery { at: 1, why: format!("a filter has at most {QUERY_MAX_BYTES} bytes") });
        }
        let terms = terms(text)?;
        let mut query = Self::default();
        let mut key = None;
        for term in &terms {
            query.add(term, now, &mut key)?;
        }
        if let Some((term, text)) = key {
            let hash = hash_of(query.filter.tenant.as_ref().unwrap_or(tenant), &text);
            query.set_single(term, Single::Key(hash.ok_or_else(|| term.bad("is no idempotency key"))?))?;
        }
        if let (Some(State::Ended(_)), None) = (query.state, &query.single) {
            let at = terms.iter().find(|term| term.name == "state").map_or(1, |term| term.at);
            return Err(InvalidQuery { at, why: "an order that ended well is in no list: add id: or key:".to_owned() });
        }
        Ok(query)
    }

    /// Whether it asks for nothing, and so for everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the text names a state.
    #[must_use]
    pub fn names_state(&self) -> bool {
        self.state.is_some()
    }

    /// Whether it names one of the ends that are in no list.
    #[must_use]
    pub fn names_ended(&self) -> bool {
        matches!(self.state, Some(State::Ended(_)))
    }

    /// Whether the order that it names is wanted.
    #[must_use]
    pub fn admits_single(&self, record: &OrderRecord) -> bool {
        let status = record.state.status;
        let state = match self.state {
            None => true,
            Some(State::Ended(ended)) => status == ended,
            Some(State::Listed(Listed::Open)) => !status.is_final() || record.due_at.is_some(),
            Some(State::Listed(_)) => return self.filter.admits(record),
        };
        state && self.filter.describes(record)
    }

    fn add<'a>(
        &mut self,
        term: &'a Term,
        now: DateTime<Utc>,
        key: &mut Option<(&'a Term, String)>,
    ) -> Result<(), InvalidQuery> {
        let value = term.value.as_str();
        match (term.name.as_str(), term.sign) {
            ("state", ':') => {
                let state = match value {
                    "completed" => State::Ended(Status::Completed),
                    "cancelled" => State::Ended(Status::Cancelled),
                    word => State::Listed(word.parse().map_err(|_| {
                        term.bad("is no state: open, pending, processing, failed, dead, completed or cancelled")
                    })?),
                };
                once(&mut self.state, state, term)?;
                if let State::Listed(listed) = state {
                    self.filter.listed = listed;
                }
            }
            ("kind", ':') => once(&mut self.filter.kind, value.to_owned(), term)?,
            ("reason", ':') => once(&mut self.filter.reason, value.to_owned(), term)?,
            ("tenant", ':') => {
                let tenant: Tenant = value.parse().map_err(|e| term.bad(&format!("is no tenant: {e}")))?;
                once(&mut self.filter.tenant, tenant, term)?;
            }
            ("label", ':') => {
                let label: LabelFilter =
                    value.parse().map_err(|_| term.bad("is no label: write NAME or NAME=VALUE"))?;
                self.filter.labels.push(label);
            }
            ("id", ':') => {
                let id = value.parse().map_err(|_| term.bad("is no order id"))?;
                self.set_single(term, Single::Id(id))?;
            }
            // Its hash depends on the tenant, which may come behind it.
            ("key", ':') => once(key, (term, value.to_owned()), term)?,
            ("age", '>' | '<') => {
                let age = duration(value).ok_or_else(|| term.bad("is no time such as 30s, 5m, 1h or 2d"))?;
                let at = now - age;
                once(if term.sign == '>' { &mut self.filter.before } else { &mut self.filter.after }, at, term)?;
            }
            ("attempt", sign) => {
                let n: u32 = value.parse().map_err(|_| term.bad("is no number of an attempt"))?;
                let (least, most) = match sign {
                    '>' => (n.checked_add(1), None),
                    '<' => (None, Some(n.checked_sub(1).ok_or_else(|| term.bad("is less than every attempt"))?)),
                    _ => (Some(n), Some(n)),
                };
                if let Some(least) = least {
                    once(&mut self.filter.attempts_min, least, term)?;
                }
                if let Some(most) = most {
                    once(&mut self.filter.attempts_max, most, term)?;
                }
            }
            ("age", _) => return Err(term.bad("must be compared: age>1h or age<5m")),
            ("state" | "kind" | "reason" | "tenant" | "label" | "id" | "key", sign) => {
                return Err(term.bad(&format!("cannot be compared: write {}: and not {}{sign}", term.name, term.name)));
            }
            _ => return Err(term.bad(&format!("is no word of a filter: it has {NAMES}"))),
        }
        Ok(())
    }

    fn set_single(&mut self, term: &Term, single: Single) -> Result<(), InvalidQuery> {
        once(&mut self.single, single, term)
    }
}

/// One term, as it was written.
#[derive(Debug)]
struct Term {
    /// The number of its first character.
    at: usize,
    name: String,
    sign: char,
    value: String,
}

impl Term {
    fn bad(&self, why: &str) -> InvalidQuery {
        let excerpt = |text: &str| text.chars().filter(|c| !c.is_control()).take(60).collect::<String>();
        let written = format!("{}{}{}", excerpt(&self.name), self.sign, excerpt(&self.value));
        InvalidQuery { at: self.at, why: format!("{written} {why}") }
    }
}

fn once<T>(place: &mut Option<T>, value: T, term: &Term) -> Result<(), InvalidQuery> {
    if place.replace(value).is_some() { Err(term.bad("is there twice")) } else { Ok(()) }
}

/// The terms of a text. A value may be in double quotes, or have a part in them.
fn terms(text: &str) -> Result<Vec<Term>, InvalidQuery> {
    let mut terms = Vec::new();
    let mut chars = text.chars().enumerate().map(|(n, c)| (n + 1, c)).peekable();
    while let Some((at, first)) = chars.next_if(|_| true) {
        if first.is_whitespace() {
            continue;
        }
        let (mut name, mut sign, mut value, mut quoted) = (String::new(), None, String::new(), false);
        let mut next = Some((at, first));
        while let Some((_, c)) = next {
            match (c, sign) {
                ('"', Some(_)) => quoted = !quoted,
                (c, _) if c.is_whitespace() && !quoted => break,
                (':' | '>' | '<', None) => sign = Some(c),
                (c, None) => name.push(c),
                (c, Some(_)) => value.push(c),
            }
            next = chars.next();
        }
        if quoted {
            return Err(InvalidQuery { at, why: "a quotation mark is not closed".to_owned() });
        }
        let term = match sign {
            Some(sign) => Term { at, name, sign, value },
            // A bare id, as it is copied from a log.
            None if name.parse::<OrderId>().is_ok() => Term { at, name: "id".to_owned(), sign: ':', value: name },
            None => {
                let word: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
                return Err(InvalidQuery {
                    at,
                    why: format!("{word} is neither an order id nor NAME:VALUE, with a name of {NAMES}"),
                });
            }
        };
        if term.value.is_empty() {
            return Err(term.bad("has no value"));
        }
        terms.push(term);
    }
    Ok(terms)
}

/// A time such as `90s`, `5m`, `1h` or `2d`, of a hundred years at most.
fn duration(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let seconds = text[..text.len() - 1].parse::<u32>().ok().map(|n| u64::from(n) * unit)?;
    (seconds <= 3_153_600_000).then(|| Duration::from_secs(seconds))
}

/// The hash of a key as a client sends it, bare or not.
fn hash_of(tenant: &Tenant, key: &str) -> Option<String> {
    if key.len() > KEY_MAX_BYTES {
        return None;
    }
    let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
    IdempotencyKey::parse(tenant, quoted.as_bytes(), b"").ok().map(|key| key.hash)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::{fixtures, payload::Payload, problem::ends, transition::Transition};

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(1)
    }

    fn parse(text: &str) -> OrderQuery {
        OrderQuery::parse(text, &Tenant::default(), now()).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn each_word_of_the_language_filters() {
        let mut record = fixtures::record(now() - TimeDelta::hours(2));
        record.order.payload = Payload::stored(r#"{"kind":"report"}"#.to_owned()).unwrap();
        record.order.labels = [("customer", "a b"), ("url", "x:y")].into_iter().collect();
        record.state = record.state.apply(Transition::Start { eta: None, poll_after_ms: None }, now()).unwrap();
        record.state = record.state.apply(Transition::Fail { error: ends::dead_lettered(1, None) }, now()).unwrap();
        for (text, wanted) in [
            ("state:failed", true),
            ("state:dead", true),
            ("state:pending", false),
            ("state:dead kind:report", true),
            ("state:dead kind:fulfilment", false),
            ("state:dead label:customer=\"a b\" label:url", true),
            ("state:dead label:\"customer=a b\"", true),
            ("state:dead label:customer=a", false),
            ("state:dead reason:dead-lettered", true),
            ("state:dead reason:deadline-exceeded", false),
            ("state:dead tenant:default", true),
            ("state:dead tenant:shop", false),
            ("state:dead age>1h age<3h", true),
            ("state:dead age>121m", false),
            ("state:dead age<7199s", false),
            ("state:dead attempt:1", true),
            ("state:dead attempt>0 attempt<2", true),
            ("state:dead attempt>1", false),
            ("state:dead attempt<1", false),
        ] {
            assert_eq!(parse(text).filter.admits(&record), wanted, "{text}");
        }
        let id = record.order.id;
        let single = |text: &str| parse(&format!("{text} {id}"));
        assert_eq!(single("").single, Some(Single::Id(id)));
        for (text, wanted) in [("", true), ("state:dead", true), ("state:completed", false), ("state:open", false)] {
            assert_eq!(single(text).admits_single(&record), wanted, "{text}");
        }
    }

    #[test]
    fn a_key_is_that_of_its_tenant_wherever_the_tenant_is_named() {
        let hash = |tenant: &str| IdempotencyKey::parse(&tenant.parse().unwrap(), b"\"a k\"", b"").unwrap().hash;
        assert_eq!(parse("key:\"a k\"").single, Some(Single::Key(hash("default"))));
        assert_eq!(parse("key:\"a k\" tenant:shop").single, Some(Single::Key(hash("shop"))));
        let of_shop = OrderQuery::parse("key:\"a k\"", &"shop".parse().unwrap(), now()).unwrap();
        assert_eq!(of_shop.single, Some(Single::Key(hash("shop"))));
        assert_eq!(of_shop.filter.tenant, None, "which orders it may have is not for the text to say");
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        for (text, at, why) in [
            ("colour:red", 1, "colour:red is no word of a filter"),
            ("kind:a  colour:red", 9, "is no word"),
            ("kind:é state:x", 8, "is no state"),
            ("hello", 1, "neither an order id"),
            ("kind:", 1, "has no value"),
            ("kind:a kind:b", 8, "is there twice"),
            ("age:1h", 1, "must be compared"),
            ("age>1y", 1, "is no time"),
            ("age>é", 1, "is no time"),
            ("kind>a", 1, "cannot be compared"),
            ("attempt>x", 1, "is no number"),
            ("attempt<0", 1, "less than every"),
            ("id:1", 1, "is no order id"),
            ("tenant:a/b", 1, "is no tenant"),
            ("label:A", 1, "is no label"),
            ("kind:\"a", 1, "not closed"),
            ("kind:a state:completed", 8, "is in no list"),
        ] {
            let e = OrderQuery::parse(text, &Tenant::default(), now()).unwrap_err();
            assert_eq!(e.at, at, "{text}: {e}");
            assert!(e.why.contains(why), "{text}: {e}");
        }
        assert!(OrderQuery::parse(&"a".repeat(QUERY_MAX_BYTES + 1), &Tenant::default(), now()).is_err());
    }

    #[test]
    fn nothing_asks_for_everything_that_is_open() {
        for text in ["", "   "] {
            assert!(parse(text).is_empty());
            assert_eq!(parse(text).filter, OrderFilter::default());
        }
        assert!(!parse("state:open").is_empty());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z:<>\" é0-9=]{0,40}") {
            let _ = OrderQuery::parse(&text, &Tenant::default(), now());
        }
    }
}
