//! Every setting, by group. A name that is not here is an error in every program.

use std::sync::LazyLock;

use super::{Groups, Setting};

mod api;
mod auth;
mod connections;
mod console;
mod estimates;
mod limits;
mod log;
mod metrics;
mod notifications;
mod notifier;
mod processor;
mod push;
mod shutdown;
mod stores;
mod webhooks;
mod worker;

pub use api::*;
pub use auth::*;
pub use connections::*;
pub use console::*;
pub use estimates::*;
pub use limits::*;
pub use log::*;
pub use metrics::*;
pub use notifications::*;
pub use notifier::*;
pub use processor::*;
pub use push::*;
pub use shutdown::*;
pub use stores::*;
pub use webhooks::*;
pub use worker::*;

/// Every setting of every program, group by group.
pub static ALL: LazyLock<Vec<Setting>> = LazyLock::new(
    <(StoreSettings, ApiSettings, WorkerSettings, ProcessorSettings, EtaSettings, LogSettings) as Groups>::settings,
);
