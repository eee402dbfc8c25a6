//! The machine that a simulation runs on: its time and its randomness.
//!
//! A library is preloaded that answers for the C library, so the programs, their dependencies and
//! the embedded stack all get them, and none of them knows of it.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use chrono::{DateTime, TimeDelta, Utc};
use offload_service::clock;
use tempfile::TempDir;

const TIME: &str = "SIMULATION_TIME";
const SEED: &str = "SIMULATION_SEED";

/// The monotonic clock of a machine that has been up for a while.
const UPTIME_MS: i64 = 1_000_000_000;

/// A simulation begins on 1 January 2026 (UTC), in milliseconds since the epoch.
const BEGIN_MS: i64 = 1_767_225_600_000;

/// The library, built for the simulations of this process.
#[derive(Debug)]
pub(super) struct Library {
    folder: TempDir,
    path: PathBuf,
}

impl Library {
    /// Builds it by the compiler that built the linked C libraries.
    pub(super) fn build() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("machine.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/simulation/machine/shim.c");
        let built = Command::new("cc").args(["-O1", "-fPIC", "-shared", "-o"]).arg(&path).arg(source).status()?;
        if built.success() { Ok(Self { folder, path }) } else { Err(io::Error::other("cc cannot build the library")) }
    }

    /// Has a command run on a machine of this seed.
    pub(super) fn preload<'a>(&self, command: &'a mut Command, seed: u64) -> io::Result<&'a mut Command> {
        let time = self.folder.path().join(format!("{seed}.time"));
        write(&File::create(&time)?, 0, TimeDelta::zero())?;
        Ok(command.env("LD_PRELOAD", &self.path).env(TIME, time).env(SEED, seed.to_string()))
    }
}

/// The clock of the machine that this process runs on. There is one thread, so it is that of the
/// simulated program whose turn it is.
#[derive(Debug)]
pub(super) struct MachineClock(File);

impl MachineClock {
    /// The clock of a process that was started by [`Library::preload`].
    pub(super) fn of_this_process() -> io::Result<Self> {
        let path = std::env::var_os(TIME).ok_or_else(|| io::Error::other("not started as a simulation"))?;
        let own = Self(File::options().write(true).open(Path::new(&path))?);
        own.set(1, TimeDelta::zero())?;
        if clock::now() == time(1) { Ok(own) } else { Err(io::Error::other("the machine's clock is not simulated")) }
    }

    /// Sets the time since the beginning, and what the wall clock is ahead of the true time.
    pub(super) fn set(&self, now_ms: u64, ahead: TimeDelta) -> io::Result<()> {
        write(&self.0, now_ms, ahead)
    }
}

/// The true time at a moment of the simulation.
pub(super) fn time(now_ms: u64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(BEGIN_MS + now_ms.cast_signed()).unwrap_or_default()
}

fn write(file: &File, now_ms: u64, ahead: TimeDelta) -> io::Result<()> {
    let now_ms = now_ms.cast_signed();
    let milliseconds = [UPTIME_MS + now_ms, BEGIN_MS + now_ms + ahead.num_milliseconds()];
    let [monotonic, wall] = milliseconds.map(|ms| (ms * 1_000_000).to_ne_bytes());
    file.write_all_at(&[monotonic, wall].concat(), 0)
}
