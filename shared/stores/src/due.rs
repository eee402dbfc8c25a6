//! The sparse index: orders whose end is not published, by when a sweeper sees to them, and failed
//! orders, by when they failed.
//!
//! An accepted order has its entry from the write that stores it until its end is published, so
//! that nothing but the table decides whether it is forgotten. That costs two writes of the index
//! an order: one to put the entry in, one to take it out.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::{
    error::{Error, Kind},
    item::{self, DUE, DUE_AT, DUE_SHARDS, Due, Item, PK, TTL, millis, number, text},
    orders::OrderTable,
    rows::{RowAnswer, Update},
};
use offload_domain::{id::OrderId, order::OrderRecord, status::Status};

/// Entries of each shard among which the oldest order is searched.
const OLDEST_OF: u16 = 20;

/// After every time that an order may be due: the year 9999.
const FAR: DateTime<Utc> = DateTime::from_timestamp(253_370_764_800, 0).expect("a year that chrono has");

impl OrderTable {
    /// Orders whose end is not published and that are due before `before`: at most `limit` of each
    /// of the index's shards. The index is a little behind the table.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn due(&self, before: DateTime<Utc>, limit: u16) -> Result<Vec<OrderId>, Error> {
        self.entries(Due::Open, before, limit).await
    }

    /// Failed orders, the oldest first, at most `limit` of each shard.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn failed(&self, before: DateTime<Utc>, limit: u16) -> Result<Vec<OrderId>, Error> {
        self.entries(Due::Failed, before, limit).await
    }

    /// Notes when an order is due next; whether it was still due as in `record`. One of several
    /// sweepers gets `true`.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn defer(&self, record: &OrderRecord, next: DateTime<Utc>) -> Result<bool, Error> {
        let Some(due_at) = record.due_at else { return Ok(false) };
        let id = record.order.id;
        let update = self.rows.client.update_item().table_name(&*self.rows.table).set_key(Some(item::key(id).into()));
        let update = update
            .update_expression("SET #at = :next")
            .condition_expression("#due = :open AND #at = :at AND #r = :r")
            .expression_attribute_names("#due", DUE)
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_names("#r", "revision")
            .expression_attribute_values(":open", text(Due::Open.hash(id)))
            .expression_attribute_values(":at", millis(due_at))
            .expression_attribute_values(":next", millis(next))
            .expression_attribute_values(":r", number(record.state.revision));
        match Box::pin(update.send()).await.map_err(|e| Error::of("dynamodb.UpdateItem", &e)) {
            Ok(_) => Ok(true),
            Err(Error { kind: Kind::Conflict, .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Takes an order whose end is published out of the index; a failed one stays in it for
    /// operators. Does nothing to an order that has another revision by now, as after a redrive.
    ///
    /// # Errors
    /// If the call fails; a sweeper publishes the order again then, which does no harm.
    pub async fn settle(&self, record: &OrderRecord) -> Result<(), Error> {
        let (id, state) = (record.order.id, &record.state);
        let name = |short: &str, name: &str| (short.to_owned(), name.to_owned());
        let names = HashMap::from([name("#due", DUE), name("#at", DUE_AT), name("#r", "revision")]);
        let open = (":open".to_owned(), text(Due::Open.hash(id)));
        let mut values = Item::from([open, (":r".to_owned(), number(state.revision))]);
        let expression = if state.status == Status::Failed {
            values.insert(":failed".to_owned(), text(Due::Failed.hash(id)));
            values.insert(":at".to_owned(), millis(state.updated_at));
            "SET #due = :failed, #at = :at"
        } else {
            "REMOVE #due, #at"
        };
        let (expression, condition) = (expression.to_owned(), "#r = :r AND #due = :open".to_owned());
        let update = Update { expression, condition, names, values, answer: RowAnswer::None };
        // A row that has changed meanwhile is left as it is.
        self.rows.update(item::key(id).into(), update).await.map(drop)
    }

    /// Takes back an order that its client must not get, unless a worker has it; whether it was
    /// taken back.
    ///
    /// What is left in its place keeps a write of the order away that is still on its way, and
    /// expires with it.
    ///
    /// # Errors
    /// If the call fails; the order may be worked on then.
    pub async fn withdraw(&self, record: &OrderRecord) -> Result<bool, Error> {
        let put = self.rows.client.put_item().table_name(&*self.rows.table);
        let put = put
            .set_item(Some(item::key(record.order.id).into()))
            .item(TTL, number(self.kept_until(record).timestamp()))
            .condition_expression("attribute_not_exists(#r) OR #r = :one")
            .expression_attribute_names("#r", "revision")
            .expression_attribute_values(":one", number(1));
        match Box::pin(put.send()).await.map_err(|e| Error::of("dynamodb.PutItem", &e)) {
            Ok(_) => Ok(true),
            Err(Error { kind: Kind::Conflict, .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Takes a failed order off the operators' list; it stays failed.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn forget_failed(&self, id: OrderId) -> Result<(), Error> {
        let update = self.rows.client.update_item().table_name(&*self.rows.table).set_key(Some(item::key(id).into()));
        let update = update
            .update_expression("REMOVE #due, #at")
            .condition_expression("#due = :failed")
            .expression_attribute_names("#due", DUE)
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_values(":failed", text(Due::Failed.hash(id)));
        match Box::pin(update.send()).await.map_err(|e| Error::of("dynamodb.UpdateItem", &e)) {
            Ok(_) | Err(Error { kind: Kind::Conflict, .. }) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// When the oldest order was accepted whose end is not published, as far as the entries that
    /// are due first say.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn oldest_open(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let first = self.entries(Due::Open, FAR, OLDEST_OF).await?;
        Ok(first.into_iter().map(OrderId::created_at).min())
    }

    async fn entries(&self, due: Due, before: DateTime<Utc>, limit: u16) -> Result<Vec<OrderId>, Error> {
        let mut found = Vec::new();
        for shard in 0..DUE_SHARDS {
            let query = self.rows.client.query().table_name(&*self.rows.table).index_name(DUE).limit(limit.into());
            let query = query
                .key_condition_expression("#due = :due AND #at < :before")
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#at", DUE_AT)
                .expression_attribute_values(":due", text(due.shard(shard)))
                .expression_attribute_values(":before", millis(before));
            let items =
                Box::pin(query.send()).await.map_err(|e| Error::of("dynamodb.Query", &e))?.items.unwrap_or_default();
            let id = |i: &Item| i.get(PK).and_then(|a| a.as_s().ok()).and_then(|id| id.parse::<OrderId>().ok());
            found.extend(items.iter().filter_map(id));
        }
        Ok(found)
    }
}
