//! Which programs run.

use std::collections::BTreeSet;

use tokio::sync::watch;

/// The process groups of the programs that run, by the ids of their leaders.
pub(super) type Running = watch::Sender<BTreeSet<i32>>;
