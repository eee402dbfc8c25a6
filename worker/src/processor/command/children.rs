//! The programs that run now. None outlives the worker, whatever ends it, and where the worker is
//! process 1 none stays a zombie.

use std::{io, sync::Arc};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, Command},
    sync::OnceCell,
};

use super::{orphans, running::Running, watchdog};

/// Starts programs, and knows those that run.
#[derive(Debug, Clone, Default)]
pub(super) struct Children {
    running: Arc<Running>,
    /// What the watchdog knows, once it is started.
    known: Arc<OnceCell<watchdog::Known>>,
    guarded: bool,
}

impl Children {
    /// Programs that end with this process, also if it is killed: a process of its own sees to it.
    pub(super) fn guarded() -> Self {
        Self { guarded: true, ..Self::default() }
    }

    /// Starts a program as the leader of a process group.
    pub(super) async fn start(&self, mut command: Command) -> io::Result<(Child, Group)> {
        if self.guarded {
            let start = async || {
                orphans::reap(&self.running);
                watchdog::start(&self.running)
            };
            self.known.get_or_init(start).await;
        }
        // Under the lock of the set, so that its end is not taken for that of an orphan.
        let mut started = Err(io::ErrorKind::Other.into());
        self.running.send_modify(|running| {
            started = command.process_group(0).spawn();
            let id = started.as_ref().ok().and_then(id_of);
            running.extend(id.map(Pid::as_raw_pid));
        });
        let child = started?;
        let group = Group { id: id_of(&child), running: Arc::clone(&self.running) };
        if let (Some(known), Some(id)) = (self.known.get(), group.id) {
            known.clone().has(id.as_raw_pid()).await;
        }
        Ok((child, group))
    }
}

fn id_of(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

/// A program's process group: what it starts is stopped with it. Killed when this is dropped.
///
/// The kernel keeps the id from being used again while any member lives or waits to be reaped.
/// Between the reaping of the last one and the drop, at most [`super::Limits::pipe_grace`] later,
/// it would have to assign every other process id first, since it takes them in order.
#[derive(Debug)]
pub(super) struct Group {
    id: Option<Pid>,
    running: Arc<Running>,
}

impl Group {
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
        if let Some(id) = self.id {
            self.running.send_modify(|running| {
                running.remove(&id.as_raw_pid());
            });
        }
    }
}
