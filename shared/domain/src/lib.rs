//! The decisions of status-offload. Pure: no clock, no randomness, no network, no SDK.
//!
//! What an order may do next is [`transition`], what a worker does with a delivery [`claim`], when
//! an order will be done [`eta`], when to poll [`schedule`], how long to wait after a failure
//! [`backoff`], how long a URL may be said to work [`lifetime`]. They take values, the time among
//! them, and return values.

pub mod action;
pub mod api_key;
pub mod backoff;
pub mod batch;
pub mod caller;
mod canonical_json;
pub mod claim;
pub mod console_key;
pub mod discipline;
pub mod eta;
pub mod event;
pub mod fence;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
pub mod group;
pub mod history;
pub mod host;
pub mod id;
pub mod idempotency;
pub mod internal;
pub mod json;
pub mod json_check;
pub mod json_text;
pub mod labels;
pub mod lane;
pub mod lifetime;
pub mod liveness;
pub mod message;
pub mod minutes;
pub mod notification;
pub mod order;
pub mod order_list;
pub mod order_query;
pub mod payload;
pub mod printable;
pub mod problem;
pub mod publication;
pub mod schedule;
pub mod schema;
pub mod status;
pub mod tenant;
pub mod time;
pub mod token;
pub mod trace;
pub mod transition;
pub mod webhook;
pub mod whole_number;
pub mod worker_figures;
