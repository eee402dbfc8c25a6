//! A small process beside the worker that kills its programs when the worker is gone.
//!
//! It reads the process groups that run from a pipe, one line with all of them for each change. The
//! end of the pipe is the end of the worker: the kernel closes it whatever ended the worker,
//! SIGKILL or a lack of memory included. `PR_SET_PDEATHSIG` would reach the programs alone, not
//! what they have started, and must be set between fork and exec, which cannot be done safely.

use std::{
    collections::BTreeSet,
    env, io,
    path::PathBuf,
    process::{ExitCode, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use offload_service::shutdown::ending_signals;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStdin, Command},
    sync::watch,
    time::timeout,
};

use super::running::Running;

/// The only argument of a watchdog.
const ARGUMENT: &str = "guard-programs";

/// A watchdog that ends sooner than this will not work: another executable was started, or none.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

/// How long a program may run before the watchdog knows of it and its order is written.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a watchdog knows. `None` without one.
#[derive(Debug, Clone)]
pub(super) struct Known(watch::Receiver<Option<BTreeSet<i32>>>);

impl Known {
    /// Waits until the watchdog knows a group, if there is a watchdog.
    pub(super) async fn has(&mut self, group: i32) {
        let known = self.0.wait_for(|known| known.as_ref().is_none_or(|groups| groups.contains(&group)));
        let _ = timeout(PATIENCE, known).await;
    }
}

/// Starts a watchdog over the groups that run.
pub(super) fn start(running: &Arc<Running>) -> Known {
    let (sender, known) = watch::channel(Some(BTreeSet::new()));
    let mut running = running.subscribe();
    tokio::spawn(async move {
        loop {
            let begun = Instant::now();
            let error = match run() {
                // The process is killed when this is dropped, which only the end of the runtime
                // does.
                Ok((_process, mut pipe)) => match report(&mut running, &mut pipe, &sender).await {
                    Ok(()) => return,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if begun.elapsed() < LONG_ENOUGH {
                tracing::warn!(%error, "programs will outlive this worker if it is killed: there is no watchdog");
                sender.send_replace(None);
                return;
            }
            tracing::warn!(%error, "the watchdog over the programs is gone; another one is started");
        }
    });
    Known(known)
}

/// Reports every change until nobody starts programs any more.
async fn report(
    running: &mut watch::Receiver<BTreeSet<i32>>,
    pipe: &mut ChildStdin,
    known: &watch::Sender<Option<BTreeSet<i32>>>,
) -> io::Result<()> {
    loop {
        let groups = running.borrow_and_update().clone();
        let mut line: String = groups.iter().map(|group| format!("{group} ")).collect();
        line.push('\n');
        pipe.write_all(line.as_bytes()).await?;
        known.send_replace(Some(groups));
        if running.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// Starts this executable as a watchdog. It has a process group of its own, which the signals to
/// the worker's do not reach, and nothing of the environment.
fn run() -> io::Result<(Child, ChildStdin)> {
    let mut process = Command::new(executable()?)
        .arg(ARGUMENT)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let pipe = process.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((process, pipe))
}

/// On Linux by a name that works also after the file was replaced or removed.
fn executable() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { env::current_exe() }
}

/// If this process was started as a watchdog, is one until the worker is gone. To be asked first in
/// `main`.
#[must_use]
pub fn guard_programs() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_none_or(|argument| argument != ARGUMENT) || arguments.next().is_some() {
        return None;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
        return Some(ExitCode::FAILURE);
    };
    let _context = runtime.enter();
    // None of them ends it: what stops a service often reaches all its processes at once.
    let _signals = ending_signals();
    for group in last_line(io::stdin().lock()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    Some(ExitCode::SUCCESS)
}

/// The groups in the last whole line before the end.
fn last_line(mut lines: impl io::BufRead) -> Vec<Pid> {
    let (mut line, mut last) = (String::new(), Vec::new());
    while let Ok(1..) = lines.read_line(&mut line) {
        if line.ends_with('\n') {
            last = line.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect();
        }
        line.clear();
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_line_counts() {
        let groups = |text: &str| -> Vec<i32> { last_line(text.as_bytes()).into_iter().map(Pid::as_raw_pid).collect() };
        assert_eq!(groups("1 2 \n2 3 \n"), [2, 3]);
        assert_eq!(groups("1 2 \n2 3 \n2 "), [2, 3], "a worker may die while it writes");
        assert_eq!(groups("1 2 \n\n"), [0; 0]);
        assert_eq!(groups(""), [0; 0]);
    }
}
