//! Submitting many orders at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{problem::Problem, receipt::Receipt};

/// What became of the orders of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct BatchReceipt {
    /// Orders that were accepted.
    pub accepted: u64,
    /// Orders that were not.
    pub refused: u64,
    /// The receipt of the group of those that were accepted: wait for it as for an order, and its
    /// status has the counts of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Receipt>,
    /// What became of each order, in the order in which they were sent.
    pub orders: Vec<OrderResult>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What became of one order of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderResult {
    /// It was accepted.
    Receipt(Box<Receipt>),
    /// It was not.
    Problem(Box<Problem>),
}

/// The media type of a batch: of JSON lines, unless it is an array.
pub(crate) fn media_type(orders: &str) -> &'static str {
    let text = orders.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('[') { "application/json" } else { "application/x-ndjson" }
}
