//! Who runs where: the measured program has the last core for itself, and the harness with its
//! double and its clients another.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores of a run.
#[derive(Clone, Copy)]
pub(super) struct Cores {
    pub(super) harness: CpuSet,
    pub(super) program: CpuSet,
}

impl Cores {
    /// All for both.
    pub(super) fn shared() -> anyhow::Result<Self> {
        let all = sched_getaffinity(None)?;
        Ok(Self { harness: all, program: all })
    }

    /// Of those that this process may use, the last one is the program's; they share a single one.
    pub(super) fn divide() -> anyhow::Result<Self> {
        let all = sched_getaffinity(None)?;
        let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).collect();
        let of = |core: Option<&usize>| {
            let mut set = CpuSet::new();
            core.into_iter().for_each(|core| set.set(*core));
            set
        };
        Ok(Self { harness: of(usable.first()), program: of(usable.last()) })
    }
}

/// Runs this on a thread with these cores. What it starts has them too.
pub(super) fn on<T: Send>(cores: &CpuSet, run: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    std::thread::scope(|threads| {
        let thread = threads.spawn(|| {
            sched_setaffinity(None, cores)?;
            Ok(run())
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
