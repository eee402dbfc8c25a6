//! Stored messages. A message is visible once its `visible_ms` has passed; a receive moves it into
//! the future and sets a new receipt.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::column::{integer, json, parsed};
use super::error::StoreError;
use crate::clock::Millis;
use crate::sqs::message::Attributes;

/// A message to be sent.
#[derive(Clone, Debug)]
pub(crate) struct NewMessage {
    pub(crate) message_id: String,
    pub(crate) sender: String,
    pub(crate) body: String,
    pub(crate) attributes: Attributes,
    pub(crate) trace_header: Option<String>,
    /// The `MessageGroupId`: whose message it is.
    pub(crate) tenant: Option<String>,
    pub(crate) delay_seconds: u32,
}

/// A message as a receive found it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: i64,
    pub(crate) message_id: String,
    pub(crate) sender: String,
    pub(crate) sent: Millis,
    pub(crate) receives: i64,
    pub(crate) first_received: Millis,
    pub(crate) source: Option<String>,
    pub(crate) attributes: Attributes,
    pub(crate) trace_header: Option<String>,
    /// The `MessageGroupId`; empty without one.
    pub(crate) tenant: String,
    pub(crate) body: String,
}

/// The last delivery of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) receipt: i64,
    pub(crate) received: Millis,
    pub(crate) visible: Millis,
}

/// Sends a message.
pub(crate) fn insert(connection: &Connection, queue: i64, message: &NewMessage, now: Millis) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO messages (queue, message_id, sender, sent_ms, visible_ms, attributes, trace_header, tenant, body)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            queue,
            message.message_id,
            message.sender,
            now,
            now + i64::from(message.delay_seconds) * 1000,
            json(&message.attributes),
            message.trace_header,
            message.tenant.as_deref().unwrap_or_default(),
            message.body
        ])
        .map(drop)
}

/// The messages to deliver next: those longest visible first, which for messages never received is
/// the order they were sent in.
pub(crate) fn visible(
    connection: &Connection,
    queue: i64,
    now: Millis,
    retained_since: Millis,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    connection
        .prepare_cached(
            "SELECT id, message_id, sender, sent_ms, receives, first_received_ms, source, attributes, trace_header, body, tenant
             FROM messages WHERE queue = ? AND visible_ms <= ? AND sent_ms > ? ORDER BY visible_ms, id LIMIT ?",
        )?
        .query_map(params![queue, now, retained_since, integer(limit)], read)?
        .collect()
}

/// The ids of the messages that could be delivered next, those longest visible first.
pub(crate) fn visible_ids(
    connection: &Connection,
    queue: i64,
    now: Millis,
    retained_since: Millis,
    limit: usize,
) -> Result<Vec<i64>, StoreError> {
    connection
        .prepare_cached(
            "SELECT id FROM messages WHERE queue = ? AND visible_ms <= ? AND sent_ms > ? ORDER BY visible_ms, id LIMIT ?",
        )?
        .query_map(params![queue, now, retained_since, integer(limit)], |row| row.get(0))?
        .collect()
}

/// One message.
pub(crate) fn get(connection: &Connection, id: i64) -> Result<Message, StoreError> {
    connection
        .prepare_cached(
            "SELECT id, message_id, sender, sent_ms, receives, first_received_ms, source, attributes, trace_header, body, tenant
             FROM messages WHERE id = ?",
        )?
        .query_row([id], read)
}

/// Inserts a copy of a message with its receive count and times, to become visible at `visible`.
pub(crate) fn duplicate(connection: &Connection, id: i64, visible: Millis) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO messages (queue, message_id, sender, sent_ms, visible_ms, receives, first_received_ms, received_ms,
                 source, attributes, trace_header, tenant, body)
             SELECT queue, message_id, sender, sent_ms, ?, receives, first_received_ms, received_ms,
                 source, attributes, trace_header, tenant, body
             FROM messages WHERE id = ?",
        )?
        .execute([visible, id])
        .map(drop)
}

/// Marks a message as received, under a new receipt.
pub(crate) fn receive(
    connection: &Connection,
    id: i64,
    receipt: i64,
    now: Millis,
    visible: Millis,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE messages SET receives = receives + 1, receipt = ?2, received_ms = ?3, visible_ms = ?4,
                 first_received_ms = CASE first_received_ms WHEN 0 THEN ?3 ELSE first_received_ms END
             WHERE id = ?1",
        )?
        .execute([id, receipt, now, visible])
        .map(drop)
}

/// Moves a message that was received too often to its dead-letter queue. It keeps its id, its age
/// and its receive count.
pub(crate) fn dead_letter(
    connection: &Connection,
    id: i64,
    target: i64,
    source_arn: &str,
    now: Millis,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE messages SET queue = ?, source = ?, visible_ms = ?, receipt = 0 WHERE id = ?")?
        .execute(params![target, source_arn, now, id])
        .map(drop)
}

/// Moves a dead letter to another queue as a new message, for a move task.
pub(crate) fn redrive(
    connection: &Connection,
    id: i64,
    target: i64,
    message_id: &str,
    now: Millis,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE messages SET queue = ?, source = NULL, message_id = ?, sent_ms = ?, visible_ms = ?, receives = 0, receipt = 0,
                 first_received_ms = 0, received_ms = 0
             WHERE id = ?",
        )?
        .execute(params![target, message_id, now, now, id])
        .map(drop)
}

/// When the next invisible message becomes visible.
pub(crate) fn next_visible(connection: &Connection, queue: i64, now: Millis) -> Result<Option<Millis>, StoreError> {
    connection
        .prepare_cached("SELECT min(visible_ms) FROM messages WHERE queue = ? AND visible_ms > ?")?
        .query_row([queue, now], |row| row.get(0))
}

/// How many messages are in flight, counted no further than `limit`.
pub(crate) fn in_flight(connection: &Connection, queue: i64, now: Millis, limit: usize) -> Result<usize, StoreError> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM messages INDEXED BY messages_in_flight
             WHERE queue = ? AND visible_ms > ? AND receives > 0 LIMIT ?)",
        )?
        .query_row(params![queue, now, integer(limit)], |row| row.get::<_, i64>(0))
        .map(|count| usize::try_from(count).unwrap_or_default())
}

/// The last delivery of a message; `None` when the message does not exist any more.
pub(crate) fn delivery(connection: &Connection, queue: i64, id: i64) -> Result<Option<Delivery>, StoreError> {
    connection
        .prepare_cached("SELECT receipt, received_ms, visible_ms FROM messages WHERE id = ? AND queue = ?")?
        .query_row([id, queue], |row| {
            Ok(Delivery { receipt: row.get(0)?, received: row.get(1)?, visible: row.get(2)? })
        })
        .optional()
}

/// Deletes a message, if `receipt` is that of its last delivery.
pub(crate) fn delete(connection: &Connection, queue: i64, id: i64, receipt: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM messages WHERE id = ? AND queue = ? AND receipt = ?")?
        .execute([id, queue, receipt])
        .map(drop)
}

/// Changes when a message becomes visible.
pub(crate) fn set_visible(connection: &Connection, id: i64, visible: Millis) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE messages SET visible_ms = ? WHERE id = ?")?.execute([visible, id]).map(drop)
}

/// Deletes a queue's messages that were sent before `before`.
pub(crate) fn expire(connection: &Connection, queue: i64, before: Millis) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM messages WHERE queue = ? AND sent_ms <= ?")?
        .execute([queue, before])
        .map(drop)
}

fn read(row: &Row<'_>) -> Result<Message, StoreError> {
    Ok(Message {
        id: row.get(0)?,
        message_id: row.get(1)?,
        sender: row.get(2)?,
        sent: row.get(3)?,
        receives: row.get(4)?,
        first_received: row.get(5)?,
        source: row.get(6)?,
        attributes: parsed(row, 7)?,
        trace_header: row.get(8)?,
        body: row.get(9)?,
        tenant: row.get(10)?,
    })
}
