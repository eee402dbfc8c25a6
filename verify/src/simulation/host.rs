//! A machine with one program on it: a runtime of its own, on the simulation's thread.
//!
//! It runs only while it is stepped, so it can be paused as by SIGSTOP, and all of it is gone when
//! it is killed.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
};

use chrono::TimeDelta;
use offload_service::clock::OwnTime;
use tokio::runtime::{Builder, Runtime};

/// A step ends when the runtime has run out of work so often: after the first time its timers are
/// checked.
const IDLE_TIMES: usize = 2;

/// A machine.
pub(super) struct Host {
    pub(super) name: &'static str,
    /// What its wall clock is ahead of the true time.
    pub(super) ahead: TimeDelta,
    /// Until when it is paused.
    pub(super) paused_until: u64,
    program: Option<Program>,
}

struct Program {
    runtime: Runtime,
    time: OwnTime,
    idle: Arc<Idle>,
}

/// Wakes the step when its runtime would wait.
#[derive(Default)]
struct Idle {
    times: AtomicUsize,
    step: Mutex<Option<Waker>>,
}

impl Host {
    pub(super) fn new(name: &'static str, ahead: TimeDelta) -> Self {
        Self { name, ahead, paused_until: 0, program: None }
    }

    /// Starts the machine, with nothing on it.
    ///
    /// # Panics
    /// If the operating system refuses.
    pub(super) fn start(&mut self) {
        let idle = Arc::new(Idle::default());
        let own = Arc::clone(&idle);
        // Without I/O: what opens a socket panics, so that nothing leaves the simulation unseen.
        let runtime = Builder::new_current_thread().enable_time().on_thread_park(move || own.wake()).build();
        let runtime = runtime.expect("a runtime needs no resources of the system");
        self.program = Some(Program { runtime, time: OwnTime::default(), idle });
    }

    /// Kills the program, in the middle of whatever it does.
    pub(super) fn kill(&mut self) {
        self.program = None;
    }

    pub(super) fn is_running(&self) -> bool {
        self.program.is_some()
    }

    /// Starts a task of the program. One that does not run has none.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(program) = &self.program {
            drop(program.runtime.spawn(task));
        }
    }

    /// Runs the program until it waits for something.
    pub(super) fn step(&self) {
        if let Some(program) = &self.program {
            program.time.within(|| program.runtime.block_on(program.idle.settled()));
        }
    }

    /// Runs the program until a future is done that waits for nothing but the program.
    ///
    /// # Panics
    /// If the program does not run.
    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let program = self.program.as_ref().expect("a program that runs");
        program.time.within(|| program.runtime.block_on(future))
    }
}

impl Idle {
    fn wake(&self) {
        self.times.fetch_add(1, Ordering::Relaxed);
        if let Some(step) = self.step.lock().unwrap_or_else(PoisonError::into_inner).take() {
            step.wake();
        }
    }

    async fn settled(&self) {
        let begun = self.times.load(Ordering::Relaxed);
        poll_fn(|context| {
            if self.times.load(Ordering::Relaxed) >= begun + IDLE_TIMES {
                return Poll::Ready(());
            }
            *self.step.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
