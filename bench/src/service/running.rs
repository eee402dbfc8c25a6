//! A program that is measured, as a process.

use std::{
    fs::{File, read_to_string},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use rustix::{
    param::clock_ticks_per_second,
    process::{Pid, Signal, kill_process},
};
use tokio::time::{Instant, sleep};

use super::pinned::{self, Cores};

/// The longest that a program may take to begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(30);

/// How to start a program.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
}

/// The longest that a program may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A process. It ends when it is dropped: by SIGTERM, as what records its own work writes it then,
/// or else is killed.
pub(super) struct Running {
    child: Child,
    errors: PathBuf,
}

impl Program {
    /// Starts it on its core. It has nothing of this environment but the path.
    pub(super) fn start(&self, cores: &Cores, more: &[(&str, String)]) -> anyhow::Result<Running> {
        let errors = std::env::temp_dir().join(format!("bench-service-{}-{}.log", std::process::id(), self.name));
        let mut command = Command::new(&self.path);
        command.args(&self.args).env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(more.iter().map(|(n, v)| (n, v)));
        // A log goes to a file, as a container's does.
        let file = File::create(&errors).with_context(|| format!("cannot write {}", errors.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = pinned::on(&cores.program, move || command.spawn())?;
        let child = child.with_context(|| format!("cannot start {}", self.path.display()))?;
        Ok(Running { child, errors })
    }
}

impl Running {
    /// Waits until `ready` says so.
    pub(super) async fn until(&mut self, mut ready: impl AsyncFnMut() -> bool) -> anyhow::Result<()> {
        let end = Instant::now() + BEGINS_WITHIN;
        while !ready().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}: {}", self.last_words());
            }
            ensure!(Instant::now() < end, "it is not ready after {BEGINS_WITHIN:?}: {}", self.last_words());
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// User and system time of the process so far, in seconds.
    pub(super) fn processor_time(&self) -> anyhow::Result<f64> {
        processor_time(&format!("/proc/{}/stat", self.child.id()))
    }

    /// Resident memory, in bytes.
    pub(super) fn resident(&self) -> anyhow::Result<u64> {
        let status = read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
        Ok(kilobytes.context("the kernel states no VmRSS")?.parse::<u64>()? * 1024)
    }

    /// The end of what it logged.
    pub(super) fn last_words(&self) -> String {
        let log = read_to_string(Path::new(&self.errors)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let end = Instant::now() + ENDS_WITHIN;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.errors);
    }
}

/// User and system time as `/proc/…/stat` has them, in seconds.
pub(super) fn processor_time(stat: &str) -> anyhow::Result<f64> {
    let stat = read_to_string(stat)?;
    // After the name, which may contain anything: state is the first field, and utime and stime are
    // the twelfth and the thirteenth.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<u32>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("/proc states no processor time")?;
    Ok((f64::from(user) + f64::from(system)) / clock_ticks_per_second() as f64)
}
