//! Work done by any program: the order on its standard input, JSON lines on its standard output,
//! and its exit code decides.
//!
//! # The protocol
//! The program gets one JSON document on standard input, then the end of it:
//! ```json
//! {"id": "0198c1f0-…", "created_at": "2026-11-20T12:00:00.000Z", "order": {"kind": "…"}}
//! ```
//! It may print these lines, in any number and order, and blank ones; a fraction of a percent is
//! cut off:
//! ```json
//! {"progress": 40, "message": "packing"}
//! {"result": {"any": "JSON"}}
//! {"error": "text for the client", "retry": true}
//! ```
//! The last result and the last error count. Anything else on standard output ends the work for
//! good. Standard error is for logs: the last of it is logged when the work fails, and no client
//! ever sees it.
//!
//! Exit code 0 without an error line is success. After any other end another attempt is made if the
//! error line says so; if it does not say, then after exit code 75 (`EX_TEMPFAIL` of sysexits.h) or
//! death by a signal. A shell turns a signal into an exit code: `exec` the program there.
//!
//! Of the worker's environment the program gets the variables that it needs to run, such as `PATH`,
//! and those that `OFFLOAD_COMMAND_ENV` names, but none of the service's secrets. It finds the
//! order's id in `OFFLOAD_ORDER_ID`, the number of the attempt in `OFFLOAD_ATTEMPT` and the trace
//! context, if there is one, in `TRACEPARENT` and `TRACESTATE`. It runs in a process group of its
//! own. To stop it, the group gets SIGTERM and, [`Limits::term_grace`] later, SIGKILL. Processes
//! that it leaves behind in the group are killed when it ends. None outlives the worker, also if
//! that is killed.

mod children;
mod end;
mod environment;
mod limits;
mod orphans;
mod program;
mod run;
mod running;
mod tail;
#[cfg(test)]
mod tests;
mod watchdog;

use offload_service::settings::{
    Errors, ProcessorSettings,
    catalogue::{COMMAND, COMMAND_ENV},
};

use super::entry::{Chosen, Entry, required, usable};
use environment::Allowed;

pub use limits::Limits;
pub use program::{CommandProcessor, InvalidCommand};
pub use watchdog::guard_programs;

/// The processor `command`.
pub const ENTRY: Entry =
    Entry { name: "command", about: "a program, which is run per order", settings: &[COMMAND, COMMAND_ENV], build };

fn build(settings: &ProcessorSettings, errors: &mut Errors<'_>) -> Option<Chosen> {
    let names = settings.command_env.as_deref().unwrap_or_default();
    let allowed = usable(COMMAND_ENV, Allowed::parse(names), "cannot be used", errors);
    let text = required(COMMAND, settings.command.as_ref(), errors)?;
    let processor = usable(COMMAND, CommandProcessor::parse(text), "is not a command that can be run", errors)?;
    let processor = processor.with_environment(allowed?).guarded();
    Some(Chosen::new(&ENTRY, processor, format!("command: {text}")))
}
