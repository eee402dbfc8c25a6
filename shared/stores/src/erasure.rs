//! Erasing one order: its row, and the rows beside it.
//!
//! What is left in the row's place is a tombstone without anything of the order but its id and the
//! keys of its objects. It keeps late writes away, and is in the index until nobody can write an
//! object any more, so that a sweeper deletes the objects again.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    error::{Error, Kind},
    item::{self, DUE, DUE_AT, Due, IDEMPOTENCY, Item, ORDER_SK, PK, SK, TTL, millis, number, text},
    orders::{OrderTable, idempotency_key},
};
use offload_domain::{id::OrderId, notification::Holder, order::OrderRecord};

const ERASED_AT: &str = "erased_at";
const OBJECTS: &str = "objects";
/// The longest that a program may still be writing an object when its order is erased: a call for a
/// large result ends after fifteen minutes.
const LATE_WRITES: TimeDelta = TimeDelta::minutes(16);

/// What is left of an erased order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The order.
    pub id: OrderId,
    /// When it was erased.
    pub erased_at: DateTime<Utc>,
    /// The keys of every object that it may have had.
    pub objects: Vec<String>,
    /// When a sweeper deletes them again; `None` once nobody can write them any more.
    pub due_at: Option<DateTime<Utc>>,
}

impl Tombstone {
    /// When a sweep at `now` is to come again; `None` if it was the last one. Each time it waits
    /// twice as long.
    fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let age = now - self.erased_at;
        (age < LATE_WRITES).then(|| now + age.max(TimeDelta::seconds(1)))
    }
}

impl OrderTable {
    /// Deletes what is kept beside an order's row: its deliveries, its subscriptions and its
    /// idempotency key. How many rows it was.
    ///
    /// # Errors
    /// If a call fails; calling again deletes the rest.
    pub async fn erase_beside(&self, id: OrderId) -> Result<usize, Error> {
        for subscriber in self.subscribers(id, DateTime::UNIX_EPOCH).await? {
            if subscriber.holder == Holder::ApiGateway {
                self.forget_subscription(&subscriber.connection, id).await?;
            }
        }
        let (mut erased, mut from) = (0, None);
        loop {
            let query = self.rows.client.query().table_name(&*self.rows.table).consistent_read(true);
            let query = query
                .key_condition_expression("pk = :id")
                .expression_attribute_values(":id", text(id.to_string()))
                .set_exclusive_start_key(from);
            let page = Box::pin(query.send()).await.map_err(|e| Error::of("dynamodb.Query", &e))?;
            for row in page.items.unwrap_or_default() {
                let sk = row.get(SK).and_then(|sk| sk.as_s().ok()).cloned().unwrap_or_default();
                let key = if sk == ORDER_SK {
                    // The order's own row goes last: until then everything can be done again.
                    let Some(hash) = row.get(IDEMPOTENCY).and_then(|hash| hash.as_s().ok()) else { continue };
                    idempotency_key(hash)
                } else {
                    [(PK.to_owned(), text(id.to_string())), (SK.to_owned(), text(sk))]
                };
                let delete = self.rows.client.delete_item().table_name(&*self.rows.table).set_key(Some(key.into()));
                Box::pin(delete.send()).await.map_err(|e| Error::of("dynamodb.DeleteItem", &e))?;
                erased += 1;
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(erased);
            }
        }
    }

    /// Puts a tombstone in the place of an order's row; whether the row still was as `record` says.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn leave_tombstone(
        &self,
        record: &OrderRecord,
        objects: &[String],
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let id = record.order.id;
        let due_at = now + TimeDelta::from_std(self.patience().resend_after).unwrap_or(TimeDelta::minutes(1));
        let put = self.rows.client.put_item().table_name(&*self.rows.table).set_item(Some(item::key(id).into()));
        let put = put
            .item(ERASED_AT, millis(now))
            .item(OBJECTS, AttributeValue::L(objects.iter().map(text).collect()))
            .item(DUE, text(Due::Open.hash(id)))
            .item(DUE_AT, millis(due_at))
            .item(TTL, number((self.kept_until(record).max(now) + LATE_WRITES).timestamp()))
            .condition_expression("#r = :r")
            .expression_attribute_names("#r", "revision")
            .expression_attribute_values(":r", number(record.state.revision));
        match Box::pin(put.send()).await.map_err(|e| Error::of("dynamodb.PutItem", &e)) {
            Ok(_) => Ok(true),
            Err(Error { kind: Kind::Conflict, .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// What is left of an order, if it was erased.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn tombstone(&self, id: OrderId) -> Result<Option<Tombstone>, Error> {
        let get = self.rows.client.get_item().table_name(&*self.rows.table).consistent_read(true);
        let item = Box::pin(get.set_key(Some(item::key(id).into())).send()).await;
        let item = item.map_err(|e| Error::of("dynamodb.GetItem", &e))?.item;
        Ok(item.as_ref().and_then(|item| decode(id, item)))
    }

    /// Notes that the objects of an erased order were deleted again at `now`.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn note_cleaned(&self, tombstone: &Tombstone, now: DateTime<Utc>) -> Result<(), Error> {
        let update = self.rows.client.update_item().table_name(&*self.rows.table);
        let update = update.set_key(Some(item::key(tombstone.id).into())).expression_attribute_names("#at", DUE_AT);
        let update = match tombstone.next(now) {
            Some(next) => {
                update.update_expression("SET #at = :next").expression_attribute_values(":next", millis(next))
            }
            None => update
                .update_expression("REMOVE #due, #at, #objects")
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#objects", OBJECTS),
        };
        let update =
            update.condition_expression("attribute_exists(#erased)").expression_attribute_names("#erased", ERASED_AT);
        match Box::pin(update.send()).await.map_err(|e| Error::of("dynamodb.UpdateItem", &e)) {
            Ok(_) | Err(Error { kind: Kind::Conflict, .. }) => Ok(()),
            Err(e) => Err(e),
        }
    }
}

fn decode(id: OrderId, item: &Item) -> Option<Tombstone> {
    let time = |name: &str| DateTime::from_timestamp_millis(item.get(name)?.as_n().ok()?.parse().ok()?);
    let objects = item.get(OBJECTS).and_then(|list| list.as_l().ok()).into_iter().flatten();
    let objects = objects.filter_map(|key| key.as_s().ok().cloned()).collect();
    Some(Tombstone { id, erased_at: time(ERASED_AT)?, objects, due_at: time(DUE_AT) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_objects_of_an_erased_order_are_deleted_until_nobody_can_write_them() {
        let erased_at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let id = OrderId::new(erased_at);
        let tombstone = Tombstone { id, erased_at, objects: Vec::new(), due_at: None };
        let (mut now, mut rounds) = (erased_at + TimeDelta::seconds(60), 0);
        while let Some(next) = tombstone.next(now) {
            (now, rounds) = (next, rounds + 1);
        }
        assert!(now - erased_at >= LATE_WRITES && rounds <= 6, "{rounds} rounds, the last at {now}");
    }
}
