//! Processes that a reader starts, and waiting for what they do.

use std::{
    fs::File,
    io,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// The longest that a block may take, and that a service may take to be ready.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long a process may take to end after SIGTERM.
const TERM_GRACE: Duration = Duration::from_secs(10);
const BEAT: Duration = Duration::from_millis(20);

/// Starts a process whose output goes to files, which, unlike pipes, never fill up.
pub(crate) fn spawn(command: &mut Command, out: io::Result<File>, err: io::Result<File>) -> Result<Child, String> {
    let spawned = out.and_then(|out| command.stdout(out).stderr(err?).spawn());
    spawned.map_err(|e| format!("cannot start {}: {e}", command.get_program().display()))
}

/// Ends a process and all that it started: gently first, since a worker ends the programs that it
/// runs.
pub(crate) fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(group) = group {
            let _ = kill_process_group(group, signal);
        }
        if within(TERM_GRACE, || child.try_wait().ok().flatten()).is_some() {
            return;
        }
    }
}

/// What `check` gives, as soon as it gives something.
pub(crate) fn until<T>(check: impl FnMut() -> Option<T>) -> Option<T> {
    within(PATIENCE, check)
}

fn within<T>(patience: Duration, mut check: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        match check() {
            None if Instant::now() < deadline => sleep(BEAT),
            found => return found,
        }
    }
}
