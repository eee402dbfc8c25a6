//! Fair queues: whose message comes next, where messages name a tenant (`MessageGroupId`).
//!
//! SQS prefers the messages of quiet tenants while another has a large share of what is in flight.
//! Here the tenant with the fewest messages in flight comes next, which is fair at any size. As in
//! SQS, each message without a tenant is one of its own.

use std::collections::VecDeque;

use rusqlite::{Connection, params};

use super::column::integer;
use super::error::StoreError;
use crate::clock::Millis;

/// Messages in flight are counted no further: tenants that have more are equally busy.
const COUNTED_MAX: usize = 1_000;

/// By its own index: that of all messages would have every delayed one read.
const IN_FLIGHT: &str = "SELECT count(*) FROM (SELECT 1 FROM messages INDEXED BY messages_in_flight
     WHERE queue = ? AND tenant = ? AND visible_ms > ? AND receives > 0 LIMIT ?)";

/// A message by when it became visible, and its id.
type Waiting = (Millis, i64);

/// What a tenant has in a queue.
#[derive(Debug, PartialEq, Eq)]
struct Share {
    in_flight: usize,
    /// Whether each message is a tenant of its own.
    nameless: bool,
    /// Its messages to deliver next, those longest visible first.
    waiting: VecDeque<Waiting>,
}

/// The ids of the messages to deliver next; `None` if no message names a tenant.
pub(crate) fn next(
    connection: &Connection,
    queue: i64,
    now: Millis,
    retained_since: Millis,
    limit: usize,
) -> Result<Option<Vec<i64>>, StoreError> {
    let last: Option<String> = connection
        .prepare_cached("SELECT max(tenant) FROM messages WHERE queue = ?")?
        .query_row([queue], |row| row.get(0))?;
    if last.is_none_or(|tenant| tenant.is_empty()) {
        return Ok(None);
    }
    let shares: Vec<Share> = tenants(connection, queue)?
        .into_iter()
        .map(|tenant| share(connection, queue, &tenant, now, retained_since, limit))
        .collect::<Result<_, _>>()?;
    Ok(Some(choose(shares, limit)))
}

/// The tenants of a queue: one step in the index each, however many messages they have.
fn tenants(connection: &Connection, queue: i64) -> Result<Vec<String>, StoreError> {
    connection
        .prepare_cached(
            "WITH RECURSIVE names (name) AS (
                 SELECT min(tenant) FROM messages WHERE queue = ?1
                 UNION ALL
                 SELECT (SELECT min(tenant) FROM messages WHERE queue = ?1 AND tenant > name) FROM names
                 WHERE name IS NOT NULL)
             SELECT name FROM names WHERE name IS NOT NULL",
        )?
        .query_map([queue], |row| row.get(0))?
        .collect()
}

fn share(
    connection: &Connection,
    queue: i64,
    tenant: &str,
    now: Millis,
    retained_since: Millis,
    limit: usize,
) -> Result<Share, StoreError> {
    let in_flight = connection
        .prepare_cached(IN_FLIGHT)?
        .query_row(params![queue, tenant, now, integer(COUNTED_MAX)], |row| row.get::<_, i64>(0))?;
    let waiting = connection
        .prepare_cached(
            "SELECT visible_ms, id FROM messages
             WHERE queue = ? AND tenant = ? AND visible_ms <= ? AND sent_ms > ? ORDER BY visible_ms, id LIMIT ?",
        )?
        .query_map(params![queue, tenant, now, retained_since, integer(limit)], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(Share { in_flight: usize::try_from(in_flight).unwrap_or_default(), nameless: tenant.is_empty(), waiting })
}

/// One message after the other: of the tenant with the fewest in flight, and if several have as
/// few, the one that is longest visible.
fn choose(mut shares: Vec<Share>, limit: usize) -> Vec<i64> {
    let mut chosen = Vec::with_capacity(limit);
    while chosen.len() < limit {
        let next = shares
            .iter_mut()
            .filter(|share| !share.waiting.is_empty())
            .min_by_key(|share| (if share.nameless { 0 } else { share.in_flight }, share.waiting.front().copied()));
        let Some(share) = next else { break };
        share.in_flight += 1;
        chosen.extend(share.waiting.pop_front().map(|(_, id)| id));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::StatementStatus;

    use super::{super::schema, *};

    fn share(in_flight: usize, waiting: &[Waiting]) -> Share {
        Share { in_flight, nameless: false, waiting: waiting.iter().copied().collect() }
    }

    #[test]
    fn the_tenant_with_the_fewest_in_flight_comes_next() {
        let busy = || share(3, &[(1, 10), (1, 11), (1, 12)]);
        let quiet = || share(0, &[(5, 20), (5, 21)]);
        assert_eq!(choose(vec![busy(), quiet()], 1), [20]);
        assert_eq!(choose(vec![busy(), quiet()], 10), [20, 21, 10, 11, 12]);
        let level = share(1, &[(0, 30)]);
        assert_eq!(choose(vec![share(1, &[(1, 10), (1, 11)]), level], 3), [30, 10, 11], "then the longest visible");
    }

    #[test]
    fn delayed_messages_are_not_read_to_count_those_in_flight() {
        let connection = Connection::open_in_memory().unwrap();
        schema::migrate(&connection, Path::new("d")).unwrap();
        let rows =
            "INSERT INTO queues (id, name, created_ms, modified_ms, settings, tags) VALUES (1, 'q', 0, 0, '', '');
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000)
            INSERT INTO messages (queue, message_id, sender, sent_ms, visible_ms, receives, tenant, body)
            SELECT 1, n, 's', 0, 9, n <= 3, 't', 'b' FROM n;";
        connection.execute_batch(rows).unwrap();
        let mut count = connection.prepare(IN_FLIGHT).unwrap();
        let in_flight: i64 = count.query_row(params![1, "t", 5, 1_000], |row| row.get(0)).unwrap();
        assert_eq!(in_flight, 3);
        let steps = count.get_status(StatementStatus::VmStep);
        assert!(steps < 200, "{steps} steps of SQLite's machine");
    }

    #[test]
    fn a_message_without_a_tenant_is_one_of_its_own() {
        let nameless = Share { nameless: true, ..share(40, &[(7, 1), (9, 2)]) };
        assert_eq!(choose(vec![share(0, &[(8, 10), (8, 11)]), nameless], 4), [1, 10, 2, 11]);
    }
}
