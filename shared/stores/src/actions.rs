//! Bulk actions of operators: one row each, in one partition of the order table.
//!
//! A row has the action as JSON, and beside it what its runners agree by: until when somebody runs
//! it, its revision, and whether it is to be aborted. Until it has ended it is in the index of what
//! is due, by the end of its lease, so that those that nobody runs are found however many there
//! are.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    error::{Error, Kind},
    item::{DUE, DUE_AT, Item, PK, SK, TTL, millis, number, text},
    orders::OrderTable,
};
use offload_domain::{action::Action, id::OrderId, json::to_json};

const ACTIONS: &str = "actions";
const ACTION: &str = "action";
/// The hash in the index of what is due: operators make few actions, which need no shards.
const RUNNING: &str = "action";
const REVISION: &str = "revision";
const ABORT: &str = "abort";

/// The orders of an action, as text.
const ORDERS: &str = "orders";
/// Orders of one row: at 37 bytes each, far below the 400 KB of an item.
const CHUNK: usize = 1_000;

/// Entries of a page of the index.
const PAGE: i32 = 100;

/// An action is kept so long.
const KEPT: TimeDelta = TimeDelta::days(30);

/// An action as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAction {
    /// The action.
    pub action: Action,
    /// Until when a runner has it; `None` once it has ended.
    pub lease_until: Option<DateTime<Utc>>,
    /// Whether it is to be aborted.
    pub abort: bool,
}

impl OrderTable {
    /// Stores a new action with its orders, which is its runner's until `lease_until`.
    ///
    /// # Errors
    /// If a call fails. Without its own row, which comes last, the orders are nothing.
    pub async fn insert_action(
        &self,
        action: &Action,
        orders: &[OrderId],
        lease_until: DateTime<Utc>,
    ) -> Result<(), Error> {
        for (n, chunk) in orders.chunks(CHUNK).enumerate() {
            let ids: Vec<String> = chunk.iter().map(ToString::to_string).collect();
            let put = self.rows.client.put_item().table_name(&*self.rows.table);
            let put = put
                .item(PK, text(orders_of(action.id)))
                .item(SK, text(chunk_key(n)))
                .item(ORDERS, text(ids.join(" ")))
                .item(TTL, number((action.created_at + KEPT).timestamp()));
            Box::pin(put.send()).await.map_err(|e| Error::of("dynamodb.PutItem", &e))?;
        }
        let put = self.rows.client.put_item().table_name(&*self.rows.table).set_item(Some(row(action, lease_until)));
        let put = put.condition_expression("attribute_not_exists(pk)");
        Box::pin(put.send()).await.map(drop).map_err(|e| Error::of("dynamodb.PutItem", &e))
    }

    /// Stores what an action has come to, if it still has the revision before; whether it had. One
    /// that has ended is nobody's any more.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn store_action(&self, action: &Action, lease_until: DateTime<Utc>) -> Result<bool, Error> {
        let update = self.rows.client.update_item().table_name(&*self.rows.table);
        let update = update.key(PK, text(ACTIONS)).key(SK, text(action.id.to_string()));
        let update = update
            .condition_expression("#r = :before")
            .expression_attribute_names("#a", ACTION)
            .expression_attribute_names("#r", REVISION)
            .expression_attribute_names("#due", DUE)
            .expression_attribute_names("#at", DUE_AT)
            .expression_attribute_values(":a", text(to_json(action)))
            .expression_attribute_values(":r", number(action.revision))
            .expression_attribute_values(":before", number(action.revision.saturating_sub(1)));
        let update = if action.state.has_ended() {
            update.update_expression("SET #a = :a, #r = :r REMOVE #due, #at")
        } else {
            let update = update.update_expression("SET #a = :a, #r = :r, #due = :running, #at = :until");
            update
                .expression_attribute_values(":running", text(RUNNING))
                .expression_attribute_values(":until", millis(lease_until))
        };
        won(Box::pin(update.send()).await.map_err(|e| Error::of("dynamodb.UpdateItem", &e)))
    }

    /// Asks the runner of an action to abort it; `false` if there is no such action.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn abort_action(&self, id: OrderId) -> Result<bool, Error> {
        let update = self.rows.client.update_item().table_name(&*self.rows.table);
        let update = update.key(PK, text(ACTIONS)).key(SK, text(id.to_string()));
        let update = update
            .update_expression("SET #abort = :yes")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#abort", ABORT)
            .expression_attribute_values(":yes", number(1));
        won(Box::pin(update.send()).await.map_err(|e| Error::of("dynamodb.UpdateItem", &e)))
    }

    /// The orders of an action from this place on: some of them, or none behind the last one.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn action_orders(&self, id: OrderId, from: usize) -> Result<Vec<OrderId>, Error> {
        let get = self.rows.client.get_item().table_name(&*self.rows.table).consistent_read(true);
        let get = get.key(PK, text(orders_of(id))).key(SK, text(chunk_key(from / CHUNK)));
        let item = Box::pin(get.send()).await.map_err(|e| Error::of("dynamodb.GetItem", &e))?.item.unwrap_or_default();
        let ids = item.get(ORDERS).and_then(|ids| ids.as_s().ok()).map(String::as_str).unwrap_or_default();
        Ok(ids.split_whitespace().skip(from % CHUNK).filter_map(|id| id.parse().ok()).collect())
    }

    /// Reads an action.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn action(&self, id: OrderId) -> Result<Option<StoredAction>, Error> {
        let get = self.rows.client.get_item().table_name(&*self.rows.table).consistent_read(true);
        let get = get.key(PK, text(ACTIONS)).key(SK, text(id.to_string()));
        let item = Box::pin(get.send()).await.map_err(|e| Error::of("dynamodb.GetItem", &e))?.item;
        Ok(item.as_ref().and_then(read))
    }

    /// The newest actions, at most `limit`.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn actions(&self, limit: i32) -> Result<Vec<StoredAction>, Error> {
        let query = self.rows.client.query().table_name(&*self.rows.table).key_condition_expression("pk = :actions");
        let query = query.expression_attribute_values(":actions", text(ACTIONS)).scan_index_forward(false).limit(limit);
        let items =
            Box::pin(query.send()).await.map_err(|e| Error::of("dynamodb.Query", &e))?.items.unwrap_or_default();
        Ok(items.iter().filter_map(read).collect())
    }

    /// Actions that nobody has run since `before`, the longest alone first, at most `limit`. The
    /// index is a little behind the table, and another runner may have one by now.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn abandoned_actions(&self, before: DateTime<Utc>, limit: usize) -> Result<Vec<StoredAction>, Error> {
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let query =
                self.rows.client.query().table_name(&*self.rows.table).index_name(DUE).set_exclusive_start_key(from);
            let query = query
                .limit(PAGE)
                .key_condition_expression("#due = :running AND #at < :before")
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#at", DUE_AT)
                .expression_attribute_values(":running", text(RUNNING))
                .expression_attribute_values(":before", millis(before));
            let page = Box::pin(query.send()).await.map_err(|e| Error::of("dynamodb.Query", &e))?;
            for item in page.items.iter().flatten() {
                if let Some(id) = item.get(SK).and_then(|id| id.as_s().ok()).and_then(|id| id.parse().ok()) {
                    // One of a later version cannot be read, and must not hide those behind it.
                    found.extend(self.action(id).await?);
                }
                if found.len() >= limit {
                    return Ok(found);
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(found);
            }
        }
    }
}

fn orders_of(id: OrderId) -> String {
    format!("action#{id}")
}

fn chunk_key(n: usize) -> String {
    format!("orders#{n:03}")
}

fn row(action: &Action, lease_until: DateTime<Utc>) -> Item {
    Item::from([
        (PK.to_owned(), text(ACTIONS)),
        (SK.to_owned(), text(action.id.to_string())),
        (ACTION.to_owned(), text(to_json(action))),
        (REVISION.to_owned(), number(action.revision)),
        (DUE.to_owned(), text(RUNNING)),
        (DUE_AT.to_owned(), millis(lease_until)),
        (TTL.to_owned(), number((action.created_at + KEPT).timestamp())),
    ])
}

/// An action of another version, which cannot be read, is left out.
fn read(item: &Item) -> Option<StoredAction> {
    let until = item.get(DUE_AT).and_then(|at| at.as_n().ok()).and_then(|at| at.parse().ok());
    Some(StoredAction {
        action: serde_json::from_str(item.get(ACTION)?.as_s().ok()?).ok()?,
        lease_until: until.and_then(DateTime::from_timestamp_millis),
        abort: item.contains_key(ABORT),
    })
}

fn won<T>(written: Result<T, Error>) -> Result<bool, Error> {
    match written {
        Ok(_) => Ok(true),
        Err(Error { kind: Kind::Conflict, .. }) => Ok(false),
        Err(e) => Err(e),
    }
}
