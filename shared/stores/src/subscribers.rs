//! The subscribers of an order: one row for each connection, beside the order's own.
//!
//! Invariant: a connection's row is stored before the order is marked as subscribed to, and marking
//! answers with the order as it is then. So a writer that changes the order later finds the row,
//! and what was changed before the subscriber has read: no change is missed, and an order without
//! subscribers costs nothing.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    error::{Error, Kind},
    item::{self, Item, PK, SK, SUBSCRIBED, TTL, number, text},
    orders::OrderTable,
};
use offload_domain::{
    id::OrderId,
    notification::{Holder, OpenConnection, Target},
    order::OrderRecord,
};

const PREFIX: &str = "conn#";
const ENDPOINT: &str = "endpoint";
const HOLDER: &str = "holder";
const CANCELS: &str = "cancels";

/// A row lives so long; a connection that stays longer subscribes again. Rows of a server that died
/// are gone by then.
pub const SUBSCRIPTION_TIME: Duration = Duration::from_secs(3_600);

/// A connection that is subscribed to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The connection's id.
    pub connection: String,
    /// Who holds it.
    pub holder: Holder,
    /// Its holder's URL.
    pub endpoint: String,
    /// Whether the order is to be cancelled when this one leaves as the last, and it has not
    /// started.
    pub cancels: bool,
}

impl From<Subscriber> for Target {
    fn from(w: Subscriber) -> Self {
        Self::Connection(OpenConnection { holder: w.holder, endpoint: w.endpoint, id: w.connection })
    }
}

impl OrderTable {
    /// Has a connection notified of every change from now on, and answers with the order as it is;
    /// `None` if there is none.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn subscribe(
        &self,
        id: OrderId,
        subscriber: &Subscriber,
        now: DateTime<Utc>,
    ) -> Result<Option<OrderRecord>, Error> {
        let ends = now + TimeDelta::from_std(SUBSCRIPTION_TIME).unwrap_or(TimeDelta::hours(1));
        let put = self
            .rows
            .client
            .put_item()
            .table_name(&*self.rows.table)
            .set_item(Some(row(id, &subscriber.connection).into()));
        let put = put.item(ENDPOINT, text(&subscriber.endpoint)).item(HOLDER, text(subscriber.holder.as_str()));
        let put = put.item(TTL, number(ends.timestamp()));
        let put = if subscriber.cancels { put.item(CANCELS, AttributeValue::Bool(true)) } else { put };
        Box::pin(put.send()).await.map_err(|e| Error::of("dynamodb.PutItem", &e))?;
        let update = self.rows.client.update_item().table_name(&*self.rows.table).set_key(Some(item::key(id).into()));
        let update = update
            .update_expression("SET #subscribed = :yes")
            .condition_expression("attribute_exists(revision)")
            .expression_attribute_names("#subscribed", SUBSCRIBED)
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .return_values(ReturnValue::AllNew);
        match Box::pin(update.send()).await.map_err(|e| Error::of("dynamodb.UpdateItem", &e)) {
            Ok(answer) => item::decode(&answer.attributes.unwrap_or_default()).map(Some),
            Err(Error { kind: Kind::Conflict, .. }) => {
                self.unsubscribe(id, &subscriber.connection).await?;
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// A connection has left, and is notified no more. Answers with what its row said, if there
    /// still was one.
    ///
    /// # Errors
    /// If the call fails; the row goes when its time is over.
    pub async fn unsubscribe(&self, id: OrderId, connection: &str) -> Result<Option<Subscriber>, Error> {
        let delete =
            self.rows.client.delete_item().table_name(&*self.rows.table).set_key(Some(row(id, connection).into()));
        let answer = Box::pin(delete.return_values(ReturnValue::AllOld).send()).await;
        let old = answer.map_err(|e| Error::of("dynamodb.DeleteItem", &e))?.attributes;
        Ok(old.as_ref().and_then(subscriber))
    }

    /// The connections that are subscribed to an order at `now`.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn subscribers(&self, id: OrderId, now: DateTime<Utc>) -> Result<Vec<Subscriber>, Error> {
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let query = self.rows.client.query().table_name(&*self.rows.table).consistent_read(true);
            let query = query
                .key_condition_expression("pk = :id AND begins_with(sk, :conn)")
                .expression_attribute_values(":id", text(id.to_string()))
                .expression_attribute_values(":conn", text(PREFIX))
                .set_exclusive_start_key(from);
            let page = Box::pin(query.send()).await.map_err(|e| Error::of("dynamodb.Query", &e))?;
            // DynamoDB deletes what has expired hours later.
            let current = |i: &&Item| expires(i).is_some_and(|at| at > now.timestamp());
            found.extend(page.items.unwrap_or_default().iter().filter(current).filter_map(subscriber));
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(found);
            }
        }
    }
}

/// What a connection is subscribed to, by the connection: for those of API Gateway, which reports a
/// connection's end and not of its orders. Our own servers know the subscriptions of theirs.
impl OrderTable {
    /// Stores that a connection is subscribed to an order.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn note_subscription(&self, connection: &str, id: OrderId, now: DateTime<Utc>) -> Result<(), Error> {
        let ends = now + TimeDelta::from_std(SUBSCRIPTION_TIME).unwrap_or(TimeDelta::hours(1));
        let put = self
            .rows
            .client
            .put_item()
            .table_name(&*self.rows.table)
            .set_item(Some(subscription(connection, id).into()));
        let put = put.item(TTL, number(ends.timestamp()));
        Box::pin(put.send()).await.map(drop).map_err(|e| Error::of("dynamodb.PutItem", &e))
    }

    /// The orders that a connection is subscribed to.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn subscriptions(&self, connection: &str) -> Result<Vec<OrderId>, Error> {
        let query = self.rows.client.query().table_name(&*self.rows.table).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :connection")
            .expression_attribute_values(":connection", text(format!("{PREFIX}{connection}")));
        let items =
            Box::pin(query.send()).await.map_err(|e| Error::of("dynamodb.Query", &e))?.items.unwrap_or_default();
        let order = |i: &Item| i.get(SK).and_then(|a| a.as_s().ok()).and_then(|id| id.parse().ok());
        Ok(items.iter().filter_map(order).collect())
    }

    /// A connection is subscribed to an order no more.
    ///
    /// # Errors
    /// If the call fails; the note goes when its time is over.
    pub async fn forget_subscription(&self, connection: &str, id: OrderId) -> Result<(), Error> {
        let key = Some(subscription(connection, id).into());
        let delete = self.rows.client.delete_item().table_name(&*self.rows.table).set_key(key);
        Box::pin(delete.send()).await.map(drop).map_err(|e| Error::of("dynamodb.DeleteItem", &e))
    }
}

fn subscription(connection: &str, id: OrderId) -> [(String, AttributeValue); 2] {
    [(PK.to_owned(), text(format!("{PREFIX}{connection}"))), (SK.to_owned(), text(id.to_string()))]
}

fn row(id: OrderId, connection: &str) -> [(String, AttributeValue); 2] {
    [(PK.to_owned(), text(id.to_string())), (SK.to_owned(), text(format!("{PREFIX}{connection}")))]
}

fn expires(item: &Item) -> Option<i64> {
    item.get(TTL)?.as_n().ok()?.parse().ok()
}

fn subscriber(item: &Item) -> Option<Subscriber> {
    let endpoint = item.get(ENDPOINT)?.as_s().ok()?;
    // Rows of an earlier version name no holder; they are gone after an hour.
    let holder = item.get(HOLDER).and_then(|word| word.as_s().ok()).map(String::as_str);
    Some(Subscriber {
        connection: item.get(SK)?.as_s().ok()?.strip_prefix(PREFIX)?.to_owned(),
        holder: Holder::stored(holder, endpoint),
        endpoint: endpoint.clone(),
        cancels: item.contains_key(CANCELS),
    })
}
