//! What falls due: orders whose message must be sent, and orders whose deadline has come, in one
//! sparse index.

use chrono::{DateTime, Utc};

use crate::{
    error::{Error, Kind},
    item::{self, DUE, DUE_AT, DUE_SHARDS, Due, Item, PK, millis, number, text},
    orders::OrderTable,
};
use offload_domain::id::OrderId;

impl OrderTable {
    /// Notes that the message of an order is in the queue; what falls due next is its deadline, if
    /// it has one. Does nothing to an order that has ended or is gone.
    ///
    /// # Errors
    /// If the call fails; the order is then sent once more by the sweeper, which does no harm.
    pub async fn mark_enqueued(&self, id: OrderId, deadline_at: Option<DateTime<Utc>>) -> Result<(), Error> {
        let update = self.client.update_item().table_name(&*self.table).set_key(Some(item::key(id).into()));
        let update = match deadline_at {
            Some(at) => update
                .update_expression("SET #due = :due, #at = :at")
                .expression_attribute_values(":due", text(Due::Deadline.hash(id)))
                .expression_attribute_values(":at", millis(at)),
            None => update.update_expression("REMOVE #due, #at"),
        };
        let update =
            update.condition_expression("#due = :send").expression_attribute_values(":send", text(Due::Send.hash(id)));
        let update = update.expression_attribute_names("#due", DUE).expression_attribute_names("#at", DUE_AT);
        match update.send().await.map_err(|e| Error::of("dynamodb.UpdateItem", &e)) {
            Ok(_) | Err(Error { kind: Kind::Conflict, .. }) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Takes back an order whose client got 503, unless a worker has it already.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn withdraw(&self, id: OrderId) -> Result<(), Error> {
        let delete = self.client.delete_item().table_name(&*self.table).set_key(Some(item::key(id).into()));
        let delete = delete
            .condition_expression("attribute_not_exists(pk) OR (#r = :one AND #due = :send)")
            .expression_attribute_names("#r", "revision")
            .expression_attribute_names("#due", DUE)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":send", text(Due::Send.hash(id)));
        match delete.send().await.map_err(|e| Error::of("dynamodb.DeleteItem", &e)) {
            Ok(_) | Err(Error { kind: Kind::Conflict, .. }) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Orders that were accepted before `before` and whose message is not known to be in the queue:
    /// at most `limit` of each of the index's shards.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn unsent(&self, before: DateTime<Utc>, limit: u16) -> Result<Vec<OrderId>, Error> {
        self.due(Due::Send, before, limit).await
    }

    /// Orders whose own deadline came before `before`, and that have not ended; at most `limit` of
    /// each shard.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn overdue(&self, before: DateTime<Utc>, limit: u16) -> Result<Vec<OrderId>, Error> {
        self.due(Due::Deadline, before, limit).await
    }

    /// Dead-lettered orders, the oldest first, at most `limit` of each shard.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn dead(&self, before: DateTime<Utc>, limit: u16) -> Result<Vec<OrderId>, Error> {
        self.due(Due::Redrive, before, limit).await
    }

    /// Takes an order off the list of the dead; it stays failed.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn forget_dead(&self, id: OrderId) -> Result<(), Error> {
        let update = self.client.update_item().table_name(&*self.table).set_key(Some(item::key(id).into()));
        let update = update
            .update_expression("REMOVE #due, #at")
            .condition_expression("#due = :dead")
            .expression_attribute_names("#due", DUE)
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_values(":dead", text(Due::Redrive.hash(id)));
        match update.send().await.map_err(|e| Error::of("dynamodb.UpdateItem", &e)) {
            Ok(_) | Err(Error { kind: Kind::Conflict, .. }) => Ok(()),
            Err(e) => Err(e),
        }
    }

    async fn due(&self, due: Due, before: DateTime<Utc>, limit: u16) -> Result<Vec<OrderId>, Error> {
        let mut found = Vec::new();
        for shard in 0..DUE_SHARDS {
            let query = self.client.query().table_name(&*self.table).index_name(DUE).limit(limit.into());
            let query = query
                .key_condition_expression("#due = :due AND #at < :before")
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#at", DUE_AT)
                .expression_attribute_values(":due", text(due.shard(shard)))
                .expression_attribute_values(":before", millis(before));
            let items = query.send().await.map_err(|e| Error::of("dynamodb.Query", &e))?.items.unwrap_or_default();
            let id = |i: &Item| i.get(PK).and_then(|a| a.as_s().ok()).and_then(|id| id.parse::<OrderId>().ok());
            found.extend(items.iter().filter_map(id));
        }
        Ok(found)
    }
}
