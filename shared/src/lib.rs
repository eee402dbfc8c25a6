//! What the parts of status-offload share: the domain, which is pure, and the shells around AWS.
//!
//! A decision is a function of values: [`transition`], [`claim`], [`eta`], [`schedule`], [`backoff`] and [`lifetime`]
//! know no clock, no randomness and no network. [`aws`] is the only place that names the AWS SDK.

pub mod aws;
pub mod backoff;
pub mod claim;
pub mod clock;
pub mod eta;
pub mod event;
pub mod history;
pub mod id;
pub mod idempotency;
pub mod internal;
pub mod lifetime;
pub mod message;
pub mod notification;
pub mod order;
pub mod problem;
pub mod schedule;
pub mod schema;
pub mod settings;
pub mod shutdown;
pub mod status;
pub mod telemetry;
pub mod token;
pub mod trace;
pub mod transition;
pub mod webhook;
