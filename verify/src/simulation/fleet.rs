//! Starts runs, each in a process of its own, as many at once as there are processors.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use super::{machine::Library, report::Report, run::run};

/// The variables by which a run knows that it is one, and whether to print its trace.
const RUN: &str = "SIMULATION_RUN";
const PRINTS: &str = "SIMULATION_PRINTS";

/// Runs by the program that calls [`run_as_started`].
#[derive(Debug)]
pub struct Fleet {
    program: PathBuf,
    library: Library,
}

/// If this process was started as a run: runs, and prints the report. The first thing that the
/// program of a fleet does.
///
/// # Errors
/// If the run cannot be made.
pub fn run_as_started() -> io::Result<bool> {
    let Some(seed) = std::env::var(RUN).ok().and_then(|seed| seed.parse().ok()) else { return Ok(false) };
    let report = run(seed, std::env::var_os(PRINTS).is_some())?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(true)
}

impl Fleet {
    /// A fleet of this program.
    ///
    /// # Errors
    /// Without a C compiler.
    pub fn new(program: &Path) -> io::Result<Self> {
        Ok(Self { program: program.to_owned(), library: Library::build()? })
    }

    /// The run of a seed. With `prints`, its trace is printed.
    ///
    /// # Errors
    /// If the run ends without a report: with what it last wrote.
    pub fn run(&self, seed: u64, prints: bool) -> io::Result<Report> {
        let mut command = Command::new(&self.program);
        // Simulated work panics on purpose, and a backtrace takes longer than a run.
        command.env(RUN, seed.to_string()).env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        if prints {
            command.env(PRINTS, "1");
        }
        let output = self.library.preload(&mut command, seed)?.output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (trace, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
        if prints {
            println!("{trace}");
        }
        serde_json::from_str(last).map_err(|_| {
            let errors = String::from_utf8_lossy(&output.stderr);
            io::Error::other(format!("the run of seed {seed} ended without a report ({}): {errors}", output.status))
        })
    }

    /// The runs of so many seeds, from the first one, until one is violated. `each` gets every
    /// report.
    ///
    /// # Errors
    /// As [`run`](Self::run), for the first run without a report.
    pub fn run_all(&self, first: u64, seeds: u64, each: impl Fn(&Report) + Sync) -> io::Result<()> {
        let (next, over) = (AtomicU64::new(first), AtomicBool::new(false));
        let failed = Mutex::new(None);
        let work = || {
            while !over.load(Ordering::Relaxed) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + seeds {
                    return;
                }
                match self.run(seed, false) {
                    Ok(report) => {
                        over.fetch_or(!report.holds(), Ordering::Relaxed);
                        each(&report);
                    }
                    Err(error) => {
                        over.store(true, Ordering::Relaxed);
                        *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(work);
            }
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}
