//! Order ids and the S3 keys that follow from them.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{ContextV7, Timestamp, Uuid, Version};

use crate::fence::Fence;

/// The longest name of a file in a key, in characters.
const PLAIN_NAME_MAX: usize = 100;

/// An order's id: a `UUIDv7`, so that ids sort by time in logs and tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Uuid", into = "Uuid")]
pub struct OrderId(Uuid);

/// The text is not the id of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order id is a UUID of version 7, such as 0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f")]
pub struct InvalidOrderId;

impl OrderId {
    /// A new id for an order accepted at `now`.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
        Self(Uuid::new_v7(Timestamp::from_unix(ContextV7::new(), seconds, now.timestamp_subsec_nanos())))
    }

    /// The id of an order of the group with this id: it follows from the order's place, so that a
    /// batch that is sent again gives the same orders.
    #[must_use]
    pub fn in_group(self, place: u16) -> Self {
        let digest = Sha256::new().chain_update(self.0).chain_update(place.to_be_bytes()).finalize();
        let mut random = [0; 10];
        random.copy_from_slice(&digest[..10]);
        let ms = u64::try_from(self.created_at().timestamp_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
    }

    /// Two hex digits of the SHA-256 of the id. A key begins with them because S3 partitions by
    /// prefix, and the first digits of a `UUIDv7` are a date: all writes of a minute would go to
    /// one partition.
    #[must_use]
    pub fn shard(self) -> String {
        format!("{:02x}", Sha256::digest(self.to_string().as_bytes())[0])
    }

    /// The key of the status object.
    #[must_use]
    pub fn status_key(self) -> String {
        format!("status/{}/{self}.json", self.shard())
    }

    /// The key of a result of this order that is too large for the status object.
    ///
    /// Each attempt has keys of its own, so that a worker that lost the order cannot replace the
    /// result of another. Which of them is the result is decided by the order table. The file's
    /// name may be any: [`plain_name`] of it is in the key.
    #[must_use]
    pub fn result_key(self, fence: Fence, file_name: &str) -> String {
        format!("results/{}/{self}/{fence}/{}", self.shard(), plain_name(file_name))
    }

    /// The key of the log of an attempt's work.
    #[must_use]
    pub fn log_key(self, fence: Fence) -> String {
        format!("logs/{}/{self}/{fence}.txt", self.shard())
    }

    /// When the id was made.
    #[must_use]
    pub fn created_at(self) -> DateTime<Utc> {
        let timestamp = self.0.get_timestamp().map(|t| t.to_unix());
        timestamp.and_then(|(s, ns)| DateTime::from_timestamp(i64::try_from(s).ok()?, ns)).unwrap_or_default()
    }
}

/// The name of a file without what would have to be encoded in a URL or quoted in a header; its
/// first hundred characters.
#[must_use]
pub fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let plain: String = name.chars().map(plain).take(PLAIN_NAME_MAX).collect();
    // A URL with a part of dots alone leads elsewhere.
    if plain.trim_matches('.').is_empty() { "result".to_owned() } else { plain }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for OrderId {
    type Err = InvalidOrderId;

    fn from_str(s: &str) -> Result<Self, InvalidOrderId> {
        // Capitals are the same id (RFC 9562 §4), and inside there is one spelling. `Uuid` also
        // reads braces, URNs and no hyphens, which are not its text.
        let id = Uuid::parse_str(s).map_err(|_| InvalidOrderId)?;
        let id = Self::try_from(id)?;
        if id.to_string().eq_ignore_ascii_case(s) { Ok(id) } else { Err(InvalidOrderId) }
    }
}

impl TryFrom<Uuid> for OrderId {
    type Error = InvalidOrderId;

    fn try_from(id: Uuid) -> Result<Self, InvalidOrderId> {
        if id.get_version() == Some(Version::SortRand) { Ok(Self(id)) } else { Err(InvalidOrderId) }
    }
}

impl From<OrderId> for Uuid {
    fn from(id: OrderId) -> Uuid {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = OrderId::new(DateTime::UNIX_EPOCH);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        let capitals: OrderId = text.to_uppercase().parse().unwrap();
        assert_eq!(capitals.to_string(), text);
        for other in [text.replace('-', ""), format!("{{{text}}}"), format!("urn:uuid:{text}")] {
            assert_eq!(other.parse::<OrderId>(), Err(InvalidOrderId), "{other}");
        }
        assert_eq!(Uuid::new_v4().to_string().parse::<OrderId>(), Err(InvalidOrderId));
    }

    #[test]
    fn the_orders_of_a_group_have_ids_of_their_own_that_are_the_same_again() {
        let group = OrderId::new(DateTime::from_timestamp_millis(1_700_000_000_123).unwrap());
        let ids: std::collections::HashSet<_> = (0..1_000).map(|place| group.in_group(place)).collect();
        assert_eq!(ids.len(), 1_000);
        assert_eq!(group.in_group(7), group.in_group(7));
        let id = group.in_group(0);
        assert_eq!((id.created_at(), id.to_string().parse()), (group.created_at(), Ok(id)));
        let shards: std::collections::HashSet<_> = ids.iter().map(|id| id.shard()).collect();
        assert!(shards.len() > 200, "{} of 256", shards.len());
    }

    #[test]
    fn any_name_of_a_file_gives_a_key_that_needs_no_encoding() {
        let id = OrderId::new(DateTime::UNIX_EPOCH);
        for (name, plain) in [
            ("report.csv", "report.csv"),
            ("Über \"alles\"\r\n.csv", "-ber--alles---.csv"),
            ("../../status/x", "..-..-status-x"),
            ("..", "result"),
            ("", "result"),
            ("?x=1#y%20", "-x-1-y-20"),
        ] {
            let key = id.result_key(Fence { generation: 1, attempt: 2 }, name);
            assert_eq!(key, format!("results/{}/{id}/1-2/{plain}", id.shard()), "{name}");
            assert_eq!(plain_name(plain), plain);
        }
        assert_eq!(plain_name(&"é".repeat(1_000)).len(), PLAIN_NAME_MAX);
    }

    #[test]
    fn keys_spread_over_the_shards() {
        let shards: std::collections::HashSet<_> =
            (0..2_000).map(|_| OrderId::new(DateTime::UNIX_EPOCH).shard()).collect();
        assert!(shards.len() > 240, "{} of 256", shards.len());
    }
}
