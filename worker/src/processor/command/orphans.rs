//! What process 1 owes the others: orphans become its children, and stay zombies until it has asked
//! for their ends. Containers start the worker as process 1.

use std::{fs, sync::Arc};

use rustix::process::{Pid, WaitOptions, getpid, waitpid};
use tokio::signal::unix::{SignalKind, signal};

use super::running::Running;

/// The children of the first thread of process 1 (proc(5)). Orphans are among them.
const CHILDREN: &str = "/proc/1/task/1/children";

/// Asks for the ends of all orphans from now on, if this is process 1.
pub(super) fn reap(running: &Arc<Running>) {
    if !getpid().is_init() {
        return;
    }
    let mut ends = match signal(SignalKind::child()) {
        Ok(ends) => ends,
        Err(error) => {
            tracing::warn!(%error, "processes that programs leave behind will stay zombies");
            return;
        }
    };
    let running = Arc::clone(running);
    tokio::spawn(async move {
        while ends.recv().await.is_some() {
            // No program starts meanwhile: its end is for the one who started it.
            let own = running.borrow();
            let children = fs::read_to_string(CHILDREN).unwrap_or_default();
            for id in children.split_whitespace().filter_map(|id| id.parse().ok()).filter(|id| !own.contains(id)) {
                if let Some(id) = Pid::from_raw(id) {
                    // Nothing, of one that still runs.
                    let _ = waitpid(Some(id), WaitOptions::NOHANG);
                }
            }
        }
    });
}
