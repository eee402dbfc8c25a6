//! The promises of the service, checked on the whole system: real requests on real sockets, a stack
//! for each test.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod admin;
mod admin_actions;
mod admin_commands;
mod admin_console;
mod admin_doctor;
mod admin_listener;
mod batches;
mod call_order;
mod callers;
mod cancellation;
mod children;
mod clocks;
mod confinement;
mod deployment;
mod erasure;
mod estimates;
mod function_roles;
mod groups;
mod idempotency;
mod isolation;
mod labels;
mod lambda;
mod lambda_push;
mod liveness;
mod orders;
mod outages;
mod payload;
mod priorities;
mod programs;
mod publication;
mod push;
mod quiet_tenants;
mod refusals;
mod refusals_table;
mod resilience;
mod secrets;
mod shutdown;
mod stores;
mod strangers;
mod task_protection;
mod tenants;
mod times;
mod traces;
mod webhooks;
mod websocket_end;
mod work;
mod work_logs;
