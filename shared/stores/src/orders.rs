//! The order table. It decides: every transition is a conditional write on the revision.
//!
//! An update sets the attributes of the state and leaves the others alone, so that a request to
//! cancel, or what falls due, is not lost when it comes in between.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure},
};
use chrono::{DateTime, Utc};

use crate::{
    direct::Switch,
    error::{Error, Kind},
    item::{self, DUE, DUE_AT, Due, IDEMPOTENCY, Item, PK, SK, SUBSCRIBED, TTL, millis, number, text},
    rows::{NotAll, RowAnswer, Rows, Update, Updated},
};
use offload_domain::{
    id::OrderId,
    idempotency::{IdempotencyKey, IdempotencyRecord},
    liveness::Patience,
    order::{Lease, OrderRecord, OrderState},
};

use offload_service::settings::StoreSettings;

const IDEMPOTENCY_SK: &str = "idempotency";

/// The order table.
#[derive(Clone, Debug)]
pub struct OrderTable {
    pub(crate) rows: Rows,
    retention: Duration,
    pub(crate) patience: Patience,
}

/// What became of a new order.
#[derive(Debug, Clone, PartialEq)]
pub enum Inserted {
    /// It is stored.
    New,
    /// Its idempotency key is stored already, with another order.
    KeyExists(IdempotencyRecord),
}

/// Why a transition was not stored.
#[derive(Debug, thiserror::Error)]
pub enum Conflict {
    /// The order has another revision by now: this record, or none if the order is gone.
    #[error("the order was changed by somebody else")]
    Changed(Option<Box<OrderRecord>>),
    /// The call failed; the write may or may not have happened.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// What a worker learns when it renews its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// The order is still its own.
    Held,
    /// Its own, and the client wants it cancelled.
    CancelRequested,
    /// Somebody else has it, or it has ended.
    Lost,
}

/// What clients want of a running order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// It is to be cancelled.
    pub cancelled: bool,
    /// A connection has subscribed to it.
    pub subscribed: bool,
}

/// What is written with a state.
#[derive(Debug, Clone, Copy, Default)]
struct Written<'a> {
    /// The lease that goes with it; without one, the lease is taken away.
    lease: Option<&'a Lease>,
    /// A lease that it has must have ended by this time.
    ended_by: Option<DateTime<Utc>>,
    /// Until when the row is kept, if that changes.
    kept_until: Option<DateTime<Utc>>,
    /// When a sweeper sees to the order, if that changes.
    due_at: Option<DateTime<Utc>>,
}

impl OrderTable {
    pub(crate) fn new(client: Client, switch: Switch, settings: &StoreSettings) -> Self {
        let StoreSettings { retention, default_deadline, resend_after, .. } = *settings;
        let patience = Patience { resend_after, default_deadline };
        Self { rows: Rows::new(client, switch, &settings.table), retention, patience }
    }

    /// How long orders of this table may be silent.
    #[must_use]
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// How long an order is kept after it must have ended.
    #[must_use]
    pub fn retention(&self) -> Duration {
        self.retention
    }

    /// Until when the row of an order is kept.
    #[must_use]
    pub fn kept_until(&self, record: &OrderRecord) -> DateTime<Utc> {
        record.kept_until(self.patience.default_deadline, self.retention)
    }

    /// Stores a new order with its entry in the index, and its idempotency key, all or nothing.
    ///
    /// # Errors
    /// If the call fails; the order may or may not stand in the table then.
    pub async fn insert(&self, record: &OrderRecord, key: Option<&IdempotencyKey>) -> Result<Inserted, Error> {
        let expires_at = self.kept_until(record);
        let mut item = item::encode(record, expires_at, self.patience.first_due(record))?;
        let Some(key) = key else {
            return match self.rows.put(item).await {
                // The id is new and random: the current row is this very order, by a try whose
                // answer was lost.
                Ok(()) | Err(Error { kind: Kind::Conflict, .. }) => Ok(Inserted::New),
                Err(e) => Err(e),
            };
        };
        item.insert(IDEMPOTENCY.to_owned(), text(&key.hash));
        let key_item = key_item(key, record.order.id, expires_at);
        let written = self.rows.put_all(&record.order.id.to_string(), vec![key_item, item]).await;
        let Err(NotAll { met, error }) = written else { return Ok(Inserted::New) };
        match met.iter().find(|row| row.contains_key("order_id")).map(decode_idempotency).transpose()? {
            Some(found) if found.order_id == record.order.id => Ok(Inserted::New),
            Some(found) => Ok(Inserted::KeyExists(found)),
            None => Err(error),
        }
    }

    /// The order that an idempotency key gave, if it gave one.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn find_idempotent(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, Error> {
        let item = self.rows.get(idempotency_key(&key.hash).into()).await?;
        item.as_ref().map(decode_idempotency).transpose()
    }

    /// Reads an order.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn get(&self, id: OrderId) -> Result<Option<OrderRecord>, Error> {
        let item = self.rows.get(item::key(id).into()).await?;
        // What is left of an order that was withdrawn is none.
        item.as_ref().filter(|i| i.contains_key("revision")).map(item::decode).transpose()
    }

    /// Stores the next state of an order, if it still has the revision before it, together with the
    /// lease that goes with it (`None` takes it away). Answers with the whole record as it is then.
    ///
    /// For the holder of the lease, and for those whom no lease concerns: a deadline ends an order
    /// that is worked on.
    ///
    /// # Errors
    /// [`Conflict::Changed`] with the order as it is, or [`Conflict::Failed`].
    pub async fn store(&self, id: OrderId, state: &OrderState, lease: Option<&Lease>) -> Result<OrderRecord, Conflict> {
        self.write(id, state, Written { lease, ..Written::default() }).await
    }

    /// The same for those who end an order without a worker. No message comes again for them, so a
    /// sweeper is to publish the end soon if they do not.
    ///
    /// # Errors
    /// [`Conflict::Changed`] with the order as it is, or [`Conflict::Failed`].
    pub async fn end(&self, id: OrderId, state: &OrderState) -> Result<OrderRecord, Conflict> {
        let due_at = Some(state.updated_at + self.patience.resend_after);
        self.write(id, state, Written { due_at, ..Written::default() }).await
    }

    /// The same for a worker that found the order free: a lease must have ended by `ended_by`,
    /// which is the earliest that the time may be. A renewal leaves the revision as it is, so
    /// without this a lease that was seen ended, and was renewed since, would be broken.
    ///
    /// A record is not needed to call this: a worker that is handed a new order knows what its
    /// first state must be, and gets the order itself with the answer, in one round trip.
    ///
    /// # Errors
    /// [`Conflict::Changed`] with the order as it is, or [`Conflict::Failed`].
    pub async fn take(
        &self,
        id: OrderId,
        state: &OrderState,
        lease: Option<&Lease>,
        ended_by: DateTime<Utc>,
    ) -> Result<OrderRecord, Conflict> {
        self.write(id, state, Written { lease, ended_by: Some(ended_by), ..Written::default() }).await
    }

    /// The same for an order that gets another chance, which keeps its row for as much longer.
    ///
    /// # Errors
    /// [`Conflict::Changed`] with the order as it is, or [`Conflict::Failed`].
    pub async fn store_redriven(&self, record: &OrderRecord) -> Result<OrderRecord, Conflict> {
        let (kept_until, due_at) = (Some(self.kept_until(record)), Some(self.patience.first_due(record)));
        let with = Written { kept_until, due_at, ..Written::default() };
        self.write(record.order.id, &record.state, with).await
    }

    async fn write(&self, id: OrderId, state: &OrderState, with: Written<'_>) -> Result<OrderRecord, Conflict> {
        let Written { lease, ended_by, kept_until, due_at } = with;
        let (mut set, mut remove, mut names) = (Vec::new(), Vec::new(), HashMap::new());
        let mut values = HashMap::from([(":before".to_owned(), number(state.revision - 1))]);
        let lease_attributes = [
            ("lease_owner".to_owned(), lease.map(|l| text(&l.owner))),
            ("lease_until".to_owned(), lease.map(|l| millis(l.until))),
        ];
        let entry = |at| [(DUE.to_owned(), Some(text(Due::Open.hash(id)))), (DUE_AT.to_owned(), Some(millis(at)))];
        let due = due_at.map(entry).into_iter().flatten();
        let expiry = kept_until.map(|at| (TTL.to_owned(), Some(number(at.timestamp()))));
        let attributes = item::state_attributes(state)?.into_iter().chain(lease_attributes).chain(due).chain(expiry);
        for (name, value) in attributes {
            match value {
                Some(value) => {
                    set.push(format!("#{name} = :{name}"));
                    values.insert(format!(":{name}"), value);
                }
                None => remove.push(format!("#{name}")),
            }
            names.insert(format!("#{name}"), name);
        }
        let mut condition = "#revision = :before".to_owned();
        if let Some(ended_by) = ended_by {
            condition += " AND (attribute_not_exists(#lease_until) OR #lease_until <= :ended_by)";
            values.insert(":ended_by".to_owned(), millis(ended_by));
        }
        // A state always has attributes that are null, so there is something to remove.
        let expression = format!("SET {} REMOVE {}", set.join(", "), remove.join(", "));
        let found = match self
            .rows
            .update(item::key(id).into(), Update { expression, condition, names, values, answer: RowAnswer::Whole })
            .await?
        {
            Updated::Written(item) => return Ok(item::decode(&item)?),
            Updated::Refused(found) => found,
        };
        let found = found.filter(|i| i.contains_key("revision")).as_ref().map(item::decode).transpose()?;
        match found {
            // Our own write, by a try whose answer was lost.
            Some(found) if found.state == *state && owner(found.lease.as_ref()) == owner(lease) => Ok(found),
            found => Err(Conflict::Changed(found.map(Box::new))),
        }
    }

    /// Prolongs a worker's lease. No transition: nothing that a client sees has changed.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn renew_lease(&self, id: OrderId, lease: &Lease) -> Result<LeaseState, Error> {
        let update = self.rows.client.update_item().table_name(&*self.rows.table).set_key(Some(item::key(id).into()));
        let update = update
            .update_expression("SET lease_until = :until")
            .condition_expression("lease_owner = :owner")
            .expression_attribute_values(":owner", text(&lease.owner))
            .expression_attribute_values(":until", millis(lease.until))
            .return_values(ReturnValue::AllNew);
        match Box::pin(update.send()).await {
            Ok(answer) => Ok(lease_state(answer.attributes.as_ref())),
            Err(e) => match Error::of("dynamodb.UpdateItem", &e) {
                Error { kind: Kind::Conflict, .. } => Ok(LeaseState::Lost),
                e => Err(e),
            },
        }
    }

    /// What clients want of a running order. The cheapest read that there is: eventually
    /// consistent, two attributes.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn wishes(&self, id: OrderId) -> Result<Wishes, Error> {
        let get = self.rows.client.get_item().table_name(&*self.rows.table).set_key(Some(item::key(id).into()));
        let get = get.projection_expression(format!("cancel_requested, {SUBSCRIBED}"));
        let get = Box::pin(get.send()).await;
        let item = get.map_err(|e| Error::of("dynamodb.GetItem", &e))?.item;
        let has = |name| item.as_ref().is_some_and(|i| i.contains_key(name));
        Ok(Wishes { cancelled: has("cancel_requested"), subscribed: has(SUBSCRIBED) })
    }

    /// Asks the worker that has the order to cancel it.
    ///
    /// # Errors
    /// [`Conflict::Changed`] if the order has ended or is gone.
    pub async fn request_cancel(&self, id: OrderId) -> Result<(), Conflict> {
        let update = self.rows.client.update_item().table_name(&*self.rows.table).set_key(Some(item::key(id).into()));
        let update = update
            .update_expression("SET cancel_requested = :yes")
            .condition_expression("#s IN (:pending, :processing)")
            .expression_attribute_names("#s", "status")
            .expression_attribute_values(":pending", text("pending"))
            .expression_attribute_values(":processing", text("processing"))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let error = match Box::pin(update.send()).await {
            Ok(_) => return Ok(()),
            Err(e) => e,
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(Error::of("dynamodb.UpdateItem", &error).into());
        };
        let found = failed.item().filter(|i| i.contains_key("revision")).map(item::decode).transpose()?;
        Err(Conflict::Changed(found.map(Box::new)))
    }

    /// Reads an order from an image of the table's DynamoDB stream; `None` for the other rows of
    /// the table.
    #[must_use]
    pub fn of_image(image: &serde_json::Value) -> Option<Result<OrderRecord, Error>> {
        item::of_image(image)
    }

    /// Whether the table can be reached and read.
    ///
    /// # Errors
    /// If it cannot.
    pub async fn ready(&self) -> Result<(), Error> {
        // A read of a key that is not there needs no permission beyond those that the service has
        // anyway.
        let get =
            self.rows.client.get_item().table_name(&*self.rows.table).key(PK, text("ready")).key(SK, text("ready"));
        Box::pin(get.send()).await.map(drop).map_err(|e| Error::of("dynamodb.GetItem", &e))
    }

    /// Whether the table can be written, by a write that changes nothing.
    ///
    /// # Errors
    /// If it cannot.
    pub async fn writable(&self) -> Result<(), Error> {
        let update =
            self.rows.client.update_item().table_name(&*self.rows.table).key(PK, text("ready")).key(SK, text("ready"));
        // On the condition that there is an item that never is: it is checked where writes are
        // made.
        let update = update.update_expression("REMOVE ready").condition_expression("attribute_exists(pk)");
        match Box::pin(update.send()).await.map_err(|e| Error::of("dynamodb.UpdateItem", &e)) {
            Ok(_) | Err(Error { kind: Kind::Conflict, .. }) => Ok(()),
            Err(e) => Err(e),
        }
    }
}

fn owner(lease: Option<&Lease>) -> Option<&str> {
    lease.map(|l| l.owner.as_str())
}

pub(crate) fn idempotency_key(hash: &str) -> [(String, AttributeValue); 2] {
    [(PK.to_owned(), text(format!("key#{hash}"))), (SK.to_owned(), text(IDEMPOTENCY_SK))]
}

/// The row of a key, which gave an order, or a group of them, that has this id.
pub(crate) fn key_item(key: &IdempotencyKey, id: OrderId, expires_at: DateTime<Utc>) -> Item {
    let mut item: Item = idempotency_key(&key.hash).into();
    item.insert("order_id".to_owned(), text(id.to_string()));
    item.insert("fingerprint".to_owned(), text(&key.fingerprint));
    item.insert(TTL.to_owned(), number(expires_at.timestamp()));
    item
}

pub(crate) fn decode_idempotency(item: &Item) -> Result<IdempotencyRecord, Error> {
    let field = |name: &str| item.get(name).and_then(|a| a.as_s().ok()).map(String::as_str);
    match (field("order_id").and_then(|id| id.parse().ok()), field("fingerprint")) {
        (Some(order_id), Some(fingerprint)) => Ok(IdempotencyRecord { order_id, fingerprint: fingerprint.to_owned() }),
        _ => Err(Error::new(Kind::Invalid, "dynamodb.item", "an idempotency record cannot be read")),
    }
}

fn lease_state(item: Option<&Item>) -> LeaseState {
    if item.is_some_and(|i| i.contains_key("cancel_requested")) {
        LeaseState::CancelRequested
    } else {
        LeaseState::Held
    }
}
