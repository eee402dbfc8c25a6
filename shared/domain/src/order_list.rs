//! Lists of orders: which ones are wanted, and how far a list has come. Pure.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{id::OrderId, labels::LabelFilter, order::OrderRecord, problem::ends, status::Status, tenant::Tenant};

/// The shards of the index of orders, by the first hex digit of [`OrderId::shard`].
pub const INDEX_SHARDS: usize = 16;

/// Which orders are listed. Those that ended well are in no list: they are found by their ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Listed {
    /// Those whose end is not published.
    #[default]
    Open,
    /// Of these, those that wait for a worker.
    Pending,
    /// Of these, those that a worker has.
    Processing,
    /// Those that failed, until somebody purges them.
    Failed,
    /// Of these, those that were dead-lettered: another attempt may succeed.
    Dead,
}

/// The text names no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("orders are listed by open, pending, processing, failed or dead")]
pub struct InvalidListed;

impl FromStr for Listed {
    type Err = InvalidListed;

    fn from_str(word: &str) -> Result<Self, InvalidListed> {
        match word {
            "open" => Ok(Self::Open),
            "pending" => Ok(Self::Pending),
            "processing" => Ok(Self::Processing),
            "failed" => Ok(Self::Failed),
            "dead" => Ok(Self::Dead),
            _ => Err(InvalidListed),
        }
    }
}

/// Which orders are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// By their state.
    pub listed: Listed,
    /// Of one tenant, or of all.
    pub tenant: Option<Tenant>,
    /// With all these labels.
    pub labels: Vec<LabelFilter>,
    /// Of this kind.
    pub kind: Option<String>,
    /// With an error of this type: the last part of its URI.
    pub reason: Option<String>,
    /// Accepted before this time.
    pub before: Option<DateTime<Utc>>,
    /// Accepted after this time.
    pub after: Option<DateTime<Utc>>,
    /// With this attempt at least.
    pub attempts_min: Option<u32>,
    /// With this attempt at most.
    pub attempts_max: Option<u32>,
}

impl OrderFilter {
    /// Whether an order of the list is wanted.
    #[must_use]
    pub fn admits(&self, record: &OrderRecord) -> bool {
        let status = record.state.status;
        // The index is a little behind the table.
        let listed = match self.listed {
            Listed::Open => true,
            Listed::Pending => status == Status::Pending,
            Listed::Processing => status == Status::Processing,
            Listed::Failed => status == Status::Failed,
            Listed::Dead => record.state.error.as_ref().is_some_and(|e| status == Status::Failed && ends::is_dead(e)),
        };
        listed && self.describes(record)
    }

    /// Whether an order is wanted by everything but its state.
    #[must_use]
    pub fn describes(&self, OrderRecord { order, state, .. }: &OrderRecord) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| *tenant == order.tenant)
            && order.labels.meet(&self.labels)
            && self.before.is_none_or(|at| order.created_at < at)
            && self.after.is_none_or(|at| order.created_at > at)
            && self.attempts_min.is_none_or(|least| state.attempt >= least)
            && self.attempts_max.is_none_or(|most| state.attempt <= most)
            && self.reason.as_ref().is_none_or(|slug| state.error.as_ref().is_some_and(|e| e.slug() == slug))
            && self.kind.as_ref().is_none_or(|kind| order.kind() == *kind)
    }

    /// Whether the list begins with the newest entry. Failures do; of open orders those that fall
    /// due next come first.
    #[must_use]
    pub fn newest_first(&self) -> bool {
        matches!(self.listed, Listed::Failed | Listed::Dead)
    }
}

/// An entry of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// When it falls due, or when it failed, in milliseconds since 1970.
    pub at_ms: i64,
    /// The order.
    pub id: OrderId,
}

/// How far a list has come: the last entry of each shard. Entries that are added or removed
/// meanwhile move no other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Whether it is one of failed orders: it means nothing in another list.
    failed: bool,
    after: [Option<Entry>; INDEX_SHARDS],
}

/// The text is no cursor of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct InvalidCursor;

/// The version of the text of a cursor.
const VERSION: u8 = 1;

impl Cursor {
    /// The beginning of a list.
    #[must_use]
    pub fn start(filter: &OrderFilter) -> Self {
        Self { failed: filter.newest_first(), after: [None; INDEX_SHARDS] }
    }

    /// The last entry that was taken from a shard.
    #[must_use]
    pub fn after(&self, shard: usize) -> Option<Entry> {
        self.after.get(shard).copied().flatten()
    }

    /// The same behind this entry of a shard.
    #[must_use]
    pub fn behind(mut self, shard: usize, entry: Entry) -> Self {
        if let Some(after) = self.after.get_mut(shard) {
            *after = Some(entry);
        }
        self
    }

    /// The text, which goes back and forth in queries.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = vec![VERSION, u8::from(self.failed)];
        for entry in self.after {
            bytes.push(u8::from(entry.is_some()));
            if let Some(Entry { at_ms, id }) = entry {
                bytes.extend(at_ms.to_be_bytes());
                bytes.extend(Uuid::from(id).as_bytes());
            }
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the text of a cursor of this list.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str, filter: &OrderFilter) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        Self::read(&bytes).filter(|cursor| cursor.failed == filter.newest_first()).ok_or(InvalidCursor)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[version, failed], mut rest) = bytes.split_first_chunk()?;
        let mut after = [None; INDEX_SHARDS];
        for (shard, after) in after.iter_mut().enumerate() {
            let (&[has_entry], more) = rest.split_first_chunk()?;
            rest = more;
            if has_entry == 0 {
                continue;
            }
            let (at_ms, more) = rest.split_first_chunk()?;
            let (id, more) = more.split_first_chunk()?;
            rest = more;
            let id = OrderId::try_from(Uuid::from_bytes(*id)).ok()?;
            // Of another shard it would be no place in this one.
            (id.shard().starts_with(&format!("{shard:x}")) && has_entry == 1).then_some(())?;
            *after = Some(Entry { at_ms: i64::from_be_bytes(*at_ms), id });
        }
        (version == VERSION && failed < 2 && rest.is_empty()).then_some(Self { failed: failed == 1, after })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures;

    fn filter(listed: Listed) -> OrderFilter {
        OrderFilter { listed, ..OrderFilter::default() }
    }

    fn shard(id: OrderId) -> usize {
        usize::from_str_radix(&id.shard()[..1], 16).unwrap()
    }

    #[test]
    fn an_order_is_wanted_by_its_state_its_tenant_and_its_labels() {
        let mut record = fixtures::record(DateTime::UNIX_EPOCH);
        record.order.labels = [("customer", "acme")].into_iter().collect();
        for (listed, wanted) in [(Listed::Open, true), (Listed::Pending, true), (Listed::Processing, false)] {
            assert_eq!(filter(listed).admits(&record), wanted, "{listed:?}");
        }
        let of = |tenant: &str, label: &str| OrderFilter {
            tenant: Some(tenant.parse().unwrap()),
            labels: vec![label.parse().unwrap()],
            ..OrderFilter::default()
        };
        assert!(of("default", "customer:acme").admits(&record));
        assert!(!of("default", "customer:other").admits(&record));
        assert!(!of("shop", "customer:acme").admits(&record));
    }

    #[test]
    fn a_cursor_survives_its_text_and_belongs_to_its_list() {
        let mut cursor = Cursor::start(&filter(Listed::Failed));
        for at_ms in [0, -1, i64::MAX, 1_700_000_000_123] {
            let id = OrderId::new(DateTime::UNIX_EPOCH);
            cursor = cursor.behind(shard(id), Entry { at_ms, id });
        }
        let text = cursor.text();
        assert!(text.len() < 600, "{} bytes in a query", text.len());
        assert_eq!(Cursor::parse(&text, &filter(Listed::Failed)), Ok(cursor));
        assert_eq!(Cursor::parse(&text, &filter(Listed::Open)), Err(InvalidCursor));
        let open = Cursor::start(&filter(Listed::Open)).text();
        assert!(Cursor::parse(&open, &filter(Listed::Pending)).is_ok(), "the same list");
        let id = OrderId::new(DateTime::UNIX_EPOCH);
        let elsewhere = Cursor::start(&filter(Listed::Open)).behind((shard(id) + 1) % 16, Entry { at_ms: 0, id });
        assert_eq!(Cursor::parse(&elsewhere.text(), &filter(Listed::Open)), Err(InvalidCursor));
        for bad in ["", "x", "AQ", &text[..text.len() - 4], &format!("{text}AAAA")] {
            assert_eq!(Cursor::parse(bad, &filter(Listed::Failed)), Err(InvalidCursor), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_is_read_is_written_the_same(bytes in prop::collection::vec(0_u8..3, 0..60)) {
            if let Some(cursor) = Cursor::read(&bytes) {
                prop_assert_eq!(cursor.text(), URL_SAFE_NO_PAD.encode(bytes));
            }
        }
    }
}
