//! One run of the program.

use std::{io, process::ExitStatus, time::Duration};

use async_trait::async_trait;
use offload_domain::order::Order;
use offload_service::clock;
use rustix::process::Signal;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    pin,
    process::Child,
    time::timeout,
};

use super::{
    super::{
        contract::{Outcome, ProcessError, Processor},
        document::document,
        output::{OutputLimits, OutputReader},
        progress::Progress,
    },
    end::ProgramEnd,
    program::CommandProcessor,
    tail::Tail,
};
use crate::work_log::LogLines;

/// How much is read from a pipe at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// What is kept of a program's standard error: its end for the worker's own log, and its lines for
/// the log of the work.
struct StandardError {
    tail: Tail,
    lines: LogLines,
}

#[async_trait]
impl Processor for CommandProcessor {
    async fn process(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        let limits = self.limits;
        // The group is dropped before the child: killing the child first could free the group's id.
        let (mut child, group) = self.start(order).await.map_err(|e| cannot_start(order, &e))?;
        let output_limits = OutputLimits { line_bytes: limits.line_bytes, total_bytes: limits.output_bytes };
        let mut reader = OutputReader::new("the program's output", output_limits).with_log(progress.work_log());
        let mut stderr = StandardError { tail: Tail::new(limits.stderr_bytes), lines: LogLines::default() };
        let exit = {
            let run = exchange(&mut child, document(order), &mut reader, &mut stderr, progress, limits.pipe_grace);
            pin!(run);
            tokio::select! {
                biased;
                exit = &mut run => Some(exit),
                () = progress.stopped() => {
                    group.signal(Signal::TERM);
                    // Its pipes are still read: a program that cleans up must not hang on a full
                    // pipe.
                    let _ = timeout(limits.term_grace, run).await;
                    None
                }
            }
        };
        let StandardError { tail, lines } = stderr;
        lines.finish(progress.work_log(), clock::now());
        let Some(exit) = exit else { return Err(ProcessError::stopped()) };
        drop(group);
        let status = exit.as_ref().ok().copied();
        let failure = match exit {
            Ok(status) => ProgramEnd::from(status).failure(&mut reader, &mut reporter(progress)),
            Err(error) => Some(error),
        };
        let Some(error) = failure else { return reader.into_outcome().await };
        tracing::warn!(order.id = %order.id, %error, program.status = ?status, program.stderr = %tail, "the program failed");
        Err(error)
    }
}

/// Exchanges data with the program until it has ended and its pipes are closed, or until it breaks
/// the protocol.
async fn exchange(
    child: &mut Child,
    document: String,
    reader: &mut OutputReader,
    standard_error: &mut StandardError,
    progress: &Progress,
    pipe_grace: Duration,
) -> Result<ExitStatus, ProcessError> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // All at the same time: a program may print before it has read everything, or read only after
    // it has printed.
    let pipes = async {
        let output = read_output(stdout, reader, progress);
        tokio::try_join!(write_order(stdin, document), output, keep_log(stderr, standard_error, progress)).map(|_| ())
    };
    pin!(pipes);
    let mut open = true;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(|e| cannot_wait(&e))?,
            closed = &mut pipes, if open => {
                closed?;
                open = false;
            }
        }
    };
    // What the program itself has printed is in the pipes by now. Longer than this only its
    // children can hold them.
    if open && let Ok(closed) = timeout(pipe_grace, pipes).await {
        closed?;
    }
    Ok(status)
}

/// Writes the order and closes the pipe. A program may end, or close its end, without reading: that
/// is no error.
async fn write_order(stdin: Option<impl AsyncWrite + Unpin>, document: String) -> Result<(), ProcessError> {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(document.as_bytes()).await;
    }
    Ok(())
}

async fn read_output(
    stdout: Option<impl AsyncRead + Unpin>,
    reader: &mut OutputReader,
    progress: &Progress,
) -> Result<(), ProcessError> {
    let Some(mut stdout) = stdout else { return Ok(()) };
    let mut report = reporter(progress);
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match stdout.read(&mut buffer).await {
            Ok(0) | Err(_) => return Ok(()),
            // Some programs print a last line; after a stop no output counts, so none can be wrong.
            Ok(_) if progress.is_stopped() => {}
            Ok(n) => reader.take(&buffer[..n], &mut report)?,
        }
    }
}

async fn keep_log(
    stderr: Option<impl AsyncRead + Unpin>,
    kept: &mut StandardError,
    progress: &Progress,
) -> Result<(), ProcessError> {
    let Some(mut stderr) = stderr else { return Ok(()) };
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(n @ 1..) = stderr.read(&mut buffer).await {
        kept.tail.push(&buffer[..n]);
        kept.lines.take(progress.work_log(), clock::now(), &buffer[..n]);
    }
    Ok(())
}

fn reporter(progress: &Progress) -> impl FnMut(u8, Option<&str>) {
    |percent, message| progress.report(percent, message)
}

/// The program existed when the worker started, so this is a lack of processes, memory or file
/// handles, or a new version that is being installed: worth another attempt.
fn cannot_start(order: &Order, error: &io::Error) -> ProcessError {
    tracing::warn!(order.id = %order.id, %error, "the program cannot be started");
    ProcessError::retryable("the worker could not start the program that does the work")
}

fn cannot_wait(error: &io::Error) -> ProcessError {
    tracing::error!(%error, "a program's end cannot be waited for");
    ProcessError::retryable("the worker cannot wait for the end of the program that does the work")
}
