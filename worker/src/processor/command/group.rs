//! A program's process group: what it starts is stopped with it.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// The group, killed when this is dropped.
///
/// The kernel keeps the id from being used again while any member lives or waits to be reaped.
/// Between the reaping of the last one and the drop, at most [`super::Limits::pipe_grace`] later,
/// it would have to assign every other process id first, since it takes them in order.
#[derive(Debug)]
pub(super) struct Group {
    id: Option<Pid>,
}

impl Group {
    /// The group of a child that was started as its leader and has not been waited for.
    pub(super) fn led_by(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { id }
    }

    /// Sends a signal to every member. There may be none left.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            let _ = kill_process_group(id, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
