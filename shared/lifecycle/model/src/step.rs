//! Steps, each with the call to AWS that it is, if it is one.

use std::fmt;

use crate::{call::Call, world::World};

/// Who takes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Api(usize),
    Canceller,
    Worker(usize),
    Sweeper,
    DeadLetters,
    Operator,
    Time,
    Queue,
}

/// A step, to be read by people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) who: Who,
    pub(crate) what: &'static str,
    /// The call to AWS that it is; `None` for what a process does by itself.
    pub(crate) call: Option<Call>,
    pub(crate) how: &'static str,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.who {
            Who::Api(i) => write!(f, "api {}", i + 1),
            Who::Worker(i) => write!(f, "worker {}", i + 1),
            who => write!(f, "{}", format!("{who:?}").to_lowercase()),
        }?;
        write!(f, ": {}", self.what)?;
        if let Some(call) = self.call {
            write!(f, ", {call}")?;
        }
        if self.how.is_empty() { Ok(()) } else { write!(f, " ({})", self.how) }
    }
}

/// Steps and where they lead.
pub(crate) type Steps = Vec<(Step, World)>;

/// The steps of one actor.
pub(crate) struct Out<'a> {
    who: Who,
    steps: &'a mut Steps,
}

impl<'a> Out<'a> {
    pub(crate) fn new(who: Who, steps: &'a mut Steps) -> Self {
        Self { who, steps }
    }

    /// Something that a process does by itself, or that happens to it.
    pub(crate) fn step(&mut self, what: &'static str, world: World) {
        self.how(what, "", world);
    }

    /// The same, with how it came about.
    pub(crate) fn how(&mut self, what: &'static str, how: &'static str, world: World) {
        self.steps.push((Step { who: self.who, what, call: None, how }, world));
    }

    /// A call to AWS.
    pub(crate) fn call(&mut self, call: Call, what: &'static str, how: &'static str, world: World) {
        self.steps.push((Step { who: self.who, what, call: Some(call), how }, world));
    }
}
