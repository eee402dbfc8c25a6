//! `offload eta`: replays the trace of a queue against the service's own estimator and poll
//! schedule.
//!
//! JSON lines in, JSON lines out, in order, one for each order. A line with `stats_id` is the
//! history from there on; every other line is an order that is accepted:
//!
//! ```text
//! in   {"stats_id":k,"count":n,"mean":s,"cv2":v,"attempts_per_order":r,"levels":[...],"q":[...]}
//! in   {"id":i,"visible":N,"inflight":F,"concurrency":c,"accepted_3s":a,"finished_3s":d,
//!       "ramp_per_s":r,"max_concurrency":m,"exact_visible":n|null,"exact_inflight":f|null}
//! out  {"id":i,"p10":..,"p50":..,"p90":..,"polls":[t1,t2,...]}
//! ```
//!
//! Times are seconds; `p10` to `polls` count from when the order is accepted; `polls` are the first
//! 40 polls of the schedule, without jitter. `q` are quantiles of the service time at `levels`, in
//! rising order; without them it is taken to be log-normal. What is absent or `null` is 0, or
//! unknown; `concurrency` is required. Unknown members are ignored. Before the first history the
//! configured time applies, as in the service.
//!
//! The first invalid line ends the run, with its number and exit code 2: estimates from a misread
//! history would pass for good ones.

use std::io::{BufRead, BufReader, BufWriter, Read, Write, stdin, stdout};

use clap::Args;
use offload_domain::{
    eta::{Concurrency, QueueState, ServiceTimes, estimate},
    json::without_mark,
    schedule::Schedule,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{failure::Failure, output::unwritten};

/// How many polls of the schedule are written.
const POLLS: usize = 40;

/// Bytes, which hold a few hundred lines.
const BUFFER: usize = 64 * 1024;

/// The default of `expected-job-seconds` in the service.
const GUESS_SECONDS: f64 = 1.0;

#[derive(Debug, Clone, Args)]
pub(crate) struct EtaArgs {
    /// Service time to assume before the first line with a history, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = GUESS_SECONDS)]
    expected_job_seconds: f64,
}

/// A line of either kind.
#[derive(Deserialize)]
struct TraceLine<'a> {
    #[serde(borrow, default)]
    stats_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    count: Option<f64>,
    mean: Option<f64>,
    cv2: Option<f64>,
    attempts_per_order: Option<f64>,
    levels: Option<Vec<f64>>,
    q: Option<Vec<f64>>,
    visible: Option<f64>,
    inflight: Option<f64>,
    concurrency: Option<f64>,
    accepted_3s: Option<f64>,
    finished_3s: Option<f64>,
    ramp_per_s: Option<f64>,
    max_concurrency: Option<f64>,
    exact_visible: Option<f64>,
    exact_inflight: Option<f64>,
}

/// A line of the output.
#[derive(Serialize)]
struct Prediction<'a> {
    id: &'a RawValue,
    p10: f64,
    p50: f64,
    p90: f64,
    polls: &'a [f64],
}

/// Runs the command until standard input ends.
pub(crate) fn run(args: &EtaArgs) -> Result<(), Failure> {
    if !(args.expected_job_seconds > 0.0 && args.expected_job_seconds.is_finite()) {
        return Err(Failure::Usage("--expected-job-seconds must be more than 0".to_owned()));
    }
    replay(stdin().lock(), stdout().lock(), ServiceTimes::configured(args.expected_job_seconds))
}

fn replay(input: impl Read, output: impl Write, guess: ServiceTimes) -> Result<(), Failure> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut output = BufWriter::with_capacity(BUFFER, output);
    let (mut line, mut number, mut times) = (Vec::new(), 0_u64, guess);
    loop {
        line.clear();
        number += 1;
        if input
            .read_until(b'\n', &mut line)
            .map_err(|e| Failure::Refused(format!("cannot read line {number}: {e}")))?
            == 0
        {
            return output.flush().map_err(|e| unwritten(&e));
        }
        let result = if line.trim_ascii().is_empty() { Ok(()) } else { replay_line(&line, &mut times, &mut output) };
        if let Err(error) = result {
            output.flush().map_err(|e| unwritten(&e))?;
            return Err(match error {
                LineError::Line(what) => Failure::Usage(format!("line {number}: {what}")),
                LineError::Output(e) => unwritten(&e),
            });
        }
        // A caller that sends one line and waits for its output gets it.
        if input.buffer().is_empty() {
            output.flush().map_err(|e| unwritten(&e))?;
        }
    }
}

/// Why a line has no output.
enum LineError {
    Line(String),
    Output(std::io::Error),
}

impl From<String> for LineError {
    fn from(what: String) -> Self {
        Self::Line(what)
    }
}

/// Adopts a history, or writes the prediction for an order.
fn replay_line(line: &[u8], times: &mut ServiceTimes, output: &mut impl Write) -> Result<(), LineError> {
    let line: TraceLine<'_> = serde_json::from_slice(without_mark(line)).map_err(|e| LineError::Line(reason(&e)))?;
    if line.stats_id.is_some() {
        *times = history(&line)?;
        return Ok(());
    }
    let id = line.id.ok_or_else(|| "neither id nor stats_id".to_owned())?;
    let (queue, concurrency) = order(&line)?;
    let e = estimate(&queue, times, concurrency);
    let mut schedule = Schedule::new(e.p10, e.p90);
    let polls: [f64; POLLS] = std::array::from_fn(|_| {
        let poll = schedule.next_poll();
        schedule = schedule.polled();
        poll
    });
    let prediction = Prediction { id, p10: e.p10, p50: e.p50, p90: e.p90, polls: &polls };
    serde_json::to_writer(&mut *output, &prediction).map_err(|e| LineError::Output(e.into()))?;
    output.write_all(b"\n").map_err(LineError::Output)
}

/// serde's message without its own line number, which is always 1 here.
fn reason(e: &serde_json::Error) -> String {
    let text = e.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    format!("{what} (column {})", e.column())
}

fn order(line: &TraceLine<'_>) -> Result<(QueueState, Concurrency), String> {
    let now = amount("concurrency", line.concurrency)?.ok_or("concurrency is missing")?;
    let known = |name, value| amount(name, value).map(Option::unwrap_or_default);
    let queue = QueueState {
        visible: known("visible", line.visible)?,
        in_flight: known("inflight", line.inflight)?,
        accepted_3s: known("accepted_3s", line.accepted_3s)?,
        finished_3s: known("finished_3s", line.finished_3s)?,
        exact_visible: amount("exact_visible", line.exact_visible)?,
        exact_in_flight: amount("exact_inflight", line.exact_inflight)?,
        ..QueueState::default()
    };
    let ramp_per_s = known("ramp_per_s", line.ramp_per_s)?;
    // A pool that grows without a maximum grows for ever.
    let max = amount("max_concurrency", line.max_concurrency)?.unwrap_or(f64::INFINITY);
    Ok((queue, Concurrency { now, ramp_per_s, max }))
}

fn history(line: &TraceLine<'_>) -> Result<ServiceTimes, String> {
    let mean = amount("mean", line.mean)?.ok_or("mean is missing")?;
    let cv2 = amount("cv2", line.cv2)?.unwrap_or_default();
    let attempts = amount("attempts_per_order", line.attempts_per_order)?.unwrap_or(1.0).max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked not to be negative")]
    let count = amount("count", line.count)?.unwrap_or_default() as u64;
    let (levels, q) = (line.levels.as_deref().unwrap_or_default(), line.q.as_deref().unwrap_or_default());
    if levels.len() != q.len() {
        return Err(format!("{} levels, but {} values in q", levels.len(), q.len()));
    }
    if !levels.is_sorted() || !q.is_sorted() || q.iter().chain(levels).any(|&v| v < 0.0) {
        return Err("levels and q must be rising numbers, none below 0".to_owned());
    }
    let guess = ServiceTimes::log_normal(mean, cv2);
    let times = match quantile(levels, q, 0.5) {
        Some(p50) => ServiceTimes {
            p10: quantile(levels, q, 0.1).unwrap_or(p50),
            p50,
            p90: quantile(levels, q, 0.9).unwrap_or(p50),
            ..guess
        },
        None => guess,
    };
    Ok(ServiceTimes { count, mean: mean * attempts, ..times })
}

/// The value at `level`, interpolated; the nearest one outside of the levels given.
fn quantile(levels: &[f64], q: &[f64], level: f64) -> Option<f64> {
    let above = levels.partition_point(|&l| l < level - 1e-9);
    let (Some(&next), Some(&value)) = (levels.get(above), q.get(above)) else { return q.last().copied() };
    let Some(below) = above.checked_sub(1) else { return Some(value) };
    Some(q[below] + (value - q[below]) * (level - levels[below]) / (next - levels[below]))
}

fn amount(name: &str, value: Option<f64>) -> Result<Option<f64>, String> {
    match value {
        Some(v) if v < 0.0 => Err(format!("{name} is below 0")),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(input: &str) -> (String, Result<(), Failure>) {
        let mut out = Vec::new();
        let end = replay(input.as_bytes(), &mut out, ServiceTimes::configured(2.0));
        (String::from_utf8(out).unwrap(), end)
    }

    #[test]
    fn an_invalid_line_ends_the_run_with_its_number() {
        let good = r#"{"id":1,"concurrency":1}"#;
        for (bad, what) in [
            ("{", "EOF"),
            (r#"{"id":1}"#, "concurrency is missing"),
            (r#"{"concurrency":1}"#, "neither id nor stats_id"),
            (r#"{"id":1,"concurrency":-1}"#, "below 0"),
            (r#"{"stats_id":1,"mean":1,"levels":[0.5],"q":[]}"#, "1 levels, but 0"),
            (r#"{"stats_id":1,"mean":"x"}"#, "invalid type"),
        ] {
            let (out, end) = output(&format!("{good}\n\n{bad}\n{good}\n"));
            assert_eq!(out.lines().count(), 1, "{bad}");
            let Err(Failure::Usage(message)) = end else { panic!("{bad}: {end:?}") };
            assert!(message.starts_with("line 3: ") && message.contains(what), "{message}");
        }
    }

    #[test]
    fn quantiles_are_interpolated_between_the_levels() {
        let (levels, q) = ([0.05, 0.25, 0.5, 0.95], [1.0, 3.0, 10.0, 19.0]);
        assert_eq!(quantile(&levels, &q, 0.5), Some(10.0));
        assert!((quantile(&levels, &q, 0.1).unwrap() - 1.5).abs() < 1e-9);
        assert!((quantile(&levels, &q, 0.9).unwrap() - 18.0).abs() < 1e-9);
        assert_eq!(quantile(&[0.5], &[4.0], 0.9), Some(4.0));
        assert_eq!(quantile(&[], &[], 0.9), None);
    }

    #[test]
    fn an_id_is_written_as_it_was_read() {
        let (out, end) = output(r#"{"id":"a-7","concurrency":2,"visible":null}"#);
        assert!(out.starts_with(r#"{"id":"a-7","p10":"#) && end.is_ok(), "{out}");
    }
}
