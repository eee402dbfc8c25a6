//! What became of an order's webhook: one row for each event, beside the order's own, with every
//! attempt in it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::Error,
    item::{Item, PK, SK, TTL, number, text},
    orders::OrderTable,
};
use offload_domain::{id::OrderId, json::to_json, tenant::Tenant, time::rfc3339_millis};

const PREFIX: &str = "delivery#";
/// Rows that are read at most: the last events of an order.
const LISTED_MAX: i32 = 20;

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The receiver has it.
    Delivered,
    /// It will be tried again.
    Retrying,
    /// The receiver wants no more (410).
    Gone,
    /// It was tried to the end, or may not be tried.
    GivenUp,
}

impl DeliveryState {
    /// The word in JSON and in DynamoDB.
    fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retrying => "retrying",
            Self::Gone => "gone",
            Self::GivenUp => "given_up",
        }
    }
}

/// One attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// When.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub at: DateTime<Utc>,
    /// The status code of the answer, if there was one.
    pub status: Option<u16>,
    /// What went wrong, if something did.
    pub error: Option<String>,
    /// How long it took, in milliseconds; 0 if there was no answer.
    pub duration_ms: u64,
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryLog {
    /// The channel: `webhook`.
    pub channel: String,
    /// The event's revision.
    pub revision: u64,
    /// Its state.
    pub state: DeliveryState,
    /// Every attempt, the first one first.
    pub attempts: Vec<Attempt>,
    /// Whose event it is. A test event has no order that says so.
    #[serde(skip)]
    pub tenant: Tenant,
}

impl OrderTable {
    /// Notes an attempt at a delivery.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn note_attempt(
        &self,
        id: OrderId,
        tenant: &Tenant,
        channel: &str,
        revision: u64,
        state: DeliveryState,
        attempt: &Attempt,
    ) -> Result<(), Error> {
        let kept_until = attempt.at + TimeDelta::from_std(self.retention()).unwrap_or(TimeDelta::days(30));
        let update = self.rows.client.update_item().table_name(&*self.rows.table).set_key(Some(HashMap::from([
            (PK.to_owned(), text(id.to_string())),
            // Sorted by number: an order's last events are read first.
            (SK.to_owned(), text(format!("{PREFIX}{revision:010}#{channel}"))),
        ])));
        let update = update
            .update_expression(
                "SET attempts = list_append(if_not_exists(attempts, :none), :one), #s = :s, channel = :c, revision = :r, tenant = :o, #t = :t",
            )
            .expression_attribute_names("#s", "state")
            .expression_attribute_names("#t", TTL)
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
            .expression_attribute_values(":one", AttributeValue::L(vec![text(to_json(attempt))]))
            .expression_attribute_values(":s", text(state.as_str()))
            .expression_attribute_values(":c", text(channel))
            .expression_attribute_values(":r", number(revision))
            .expression_attribute_values(":o", text(tenant.as_str()))
            .expression_attribute_values(":t", number(kept_until.timestamp()));
        Box::pin(update.send()).await.map(drop).map_err(|e| Error::of("dynamodb.UpdateItem", &e))
    }

    /// What became of the last events of an order, the newest first.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn deliveries(&self, id: OrderId) -> Result<Vec<DeliveryLog>, Error> {
        let query = self.rows.client.query().table_name(&*self.rows.table).limit(LISTED_MAX).scan_index_forward(false);
        let query = query
            .key_condition_expression("pk = :id AND begins_with(sk, :prefix)")
            .expression_attribute_values(":id", text(id.to_string()))
            .expression_attribute_values(":prefix", text(PREFIX));
        let items =
            Box::pin(query.send()).await.map_err(|e| Error::of("dynamodb.Query", &e))?.items.unwrap_or_default();
        Ok(items.iter().filter_map(log).collect())
    }
}

fn log(item: &Item) -> Option<DeliveryLog> {
    let attempts = item.get("attempts")?.as_l().ok()?.iter();
    Some(DeliveryLog {
        channel: item.get("channel")?.as_s().ok()?.clone(),
        revision: item.get("revision")?.as_n().ok()?.parse().ok()?,
        state: serde_json::from_value(item.get("state")?.as_s().ok()?.clone().into()).ok()?,
        attempts: attempts.filter_map(|a| serde_json::from_str(a.as_s().ok()?).ok()).collect(),
        // Rows of before say nothing, and are of orders.
        tenant: item.get("tenant").and_then(|name| name.as_s().ok()?.parse().ok()).unwrap_or_default(),
    })
}
