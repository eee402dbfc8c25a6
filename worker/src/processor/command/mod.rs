//! Work done by any program: the order on its standard input, JSON lines on its standard output, its exit code decides.
//!
//! # The protocol
//! The program gets one JSON document on standard input, then the end of it:
//! ```json
//! {"id": "0198c1f0-…", "created_at": "2026-11-20T12:00:00.000Z", "order": {"kind": "…"}}
//! ```
//! It may print these lines, in any number and order, and blank ones; a fraction of a percent is cut off:
//! ```json
//! {"progress": 40, "message": "packing"}
//! {"result": {"any": "JSON"}}
//! {"error": "text for the client", "retry": true}
//! ```
//! The last result and the last error count. Anything else on standard output ends the work for good. Standard error is
//! for logs: the last of it is logged when the work fails, and no client ever sees it.
//!
//! Exit code 0 without an error line is success. After any other end another attempt is made if the error line says
//! so; if it does not say, then after exit code 75 (`EX_TEMPFAIL` of sysexits.h) or death by a signal. A shell turns a
//! signal into an exit code: `exec` the program there.
//!
//! The program inherits the environment except for `OFFLOAD_TOKEN_SECRET`, which would let it forge order tokens, and
//! finds the order's id in `OFFLOAD_ORDER_ID` and its trace context, if there is one, in `TRACEPARENT`. It runs in a
//! process group of its own. To stop it, the group gets SIGTERM and, [`Limits::term_grace`] later, SIGKILL. Whatever it
//! leaves behind in the group is killed when it ends. Only SIGKILL to the worker itself leaves programs running.

mod end;
mod group;
mod program;
mod tail;

#[cfg(test)]
mod tests;

use std::{io, process::ExitStatus, time::Duration};

use async_trait::async_trait;
use offload_domain::order::Order;
use rustix::process::Signal;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    pin,
    process::Child,
    time::timeout,
};

use self::{end::End, group::Group, tail::Tail};
use super::{
    Outcome, ProcessError, Processor, Progress,
    dialogue::{Bounds, Dialogue},
    document::document,
};

pub use self::program::{CommandProcessor, InvalidCommand};

/// How much is read from a pipe at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// What a program may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line on standard output, in bytes: 1 MiB.
    pub line_bytes: usize,
    /// The most bytes on standard output: 16 MiB.
    pub output_bytes: usize,
    /// How much of the end of standard error is logged, in bytes: 2 KiB.
    pub stderr_bytes: usize,
    /// The time between SIGTERM and SIGKILL: 3 s.
    pub term_grace: Duration,
    /// How long after the program's end its children may hold its pipes open: 1 s.
    pub pipe_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 1024 * 1024,
            output_bytes: 16 * 1024 * 1024,
            stderr_bytes: 2 * 1024,
            term_grace: Duration::from_secs(3),
            pipe_grace: Duration::from_secs(1),
        }
    }
}

#[async_trait]
impl Processor for CommandProcessor {
    async fn process(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        let limits = self.limits;
        let mut child = self.start(order).map_err(|e| unstarted(order, &e))?;
        // Declared after the child and so dropped before it: killing the child first could free the group's id.
        let group = Group::led_by(&child);
        let bounds = Bounds { line_bytes: limits.line_bytes, total_bytes: limits.output_bytes };
        let mut dialogue = Dialogue::new("the program's output", bounds);
        let mut tail = Tail::new(limits.stderr_bytes);
        let exit = {
            let run = converse(&mut child, document(order), &mut dialogue, &mut tail, progress, limits.pipe_grace);
            pin!(run);
            tokio::select! {
                biased;
                exit = &mut run => exit,
                () = progress.stopped() => {
                    group.signal(Signal::TERM);
                    // The conversation goes on: a program that cleans up must not hang on a full pipe.
                    let _ = timeout(limits.term_grace, run).await;
                    return Err(ProcessError::stopped());
                }
            }
        };
        drop(group);
        let status = exit.as_ref().ok().copied();
        let failure = match exit {
            Ok(status) => End::from(status).failure(&mut dialogue, &mut reporter(progress)),
            Err(error) => Some(error),
        };
        let Some(error) = failure else { return Ok(dialogue.outcome()) };
        tracing::warn!(order.id = %order.id, %error, program.status = ?status, program.stderr = %tail, "the program failed");
        Err(error)
    }
}

/// Talks with the program until it has ended and its pipes are closed, or until it breaks the protocol.
async fn converse(
    child: &mut Child,
    document: Vec<u8>,
    dialogue: &mut Dialogue,
    tail: &mut Tail,
    progress: &Progress,
    pipe_grace: Duration,
) -> Result<ExitStatus, ProcessError> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // All at the same time: a program may print before it has read everything, or read only after it has printed.
    let pipes = async {
        tokio::try_join!(tell(stdin, document), listen(stdout, dialogue, progress), drain(stderr, tail)).map(|_| ())
    };
    pin!(pipes);
    let mut open = true;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(|e| lost(&e))?,
            closed = &mut pipes, if open => {
                closed?;
                open = false;
            }
        }
    };
    // What the program itself has printed is in the pipes by now. Longer than this only its children can hold them.
    if open && let Ok(closed) = timeout(pipe_grace, pipes).await {
        closed?;
    }
    Ok(status)
}

/// Writes the order and closes the pipe. A program may end, or close its end, without reading: that is no error.
async fn tell(stdin: Option<impl AsyncWrite + Unpin>, document: Vec<u8>) -> Result<(), ProcessError> {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(&document).await;
    }
    Ok(())
}

async fn listen(
    stdout: Option<impl AsyncRead + Unpin>,
    dialogue: &mut Dialogue,
    progress: &Progress,
) -> Result<(), ProcessError> {
    let Some(mut stdout) = stdout else { return Ok(()) };
    let mut report = reporter(progress);
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match stdout.read(&mut buffer).await {
            Ok(0) | Err(_) => return Ok(()),
            // Some programs say goodbye; after a stop nothing that is said counts, so nothing can be wrong.
            Ok(_) if progress.is_stopped() => {}
            Ok(n) => dialogue.take(&buffer[..n], &mut report)?,
        }
    }
}

async fn drain(stderr: Option<impl AsyncRead + Unpin>, tail: &mut Tail) -> Result<(), ProcessError> {
    let Some(mut stderr) = stderr else { return Ok(()) };
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(n @ 1..) = stderr.read(&mut buffer).await {
        tail.push(&buffer[..n]);
    }
    Ok(())
}

fn reporter(progress: &Progress) -> impl FnMut(u8, Option<&str>) {
    |percent, message| progress.report(percent, message)
}

/// It was there when the worker started, so this is a lack of processes, memory or file handles, or a new version being
/// put in its place: worth another attempt.
fn unstarted(order: &Order, error: &io::Error) -> ProcessError {
    tracing::warn!(order.id = %order.id, %error, "the program cannot be started");
    ProcessError::retryable("the worker could not start the program that does the work")
}

fn lost(error: &io::Error) -> ProcessError {
    tracing::error!(%error, "a program's end cannot be waited for");
    ProcessError::retryable("the worker lost sight of the program that does the work")
}
