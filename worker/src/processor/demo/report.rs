//! Demo work with a real file: a CSV of as many rows as the order wants.

use std::{fs::File, io, ops::Range, time::Duration};

use async_trait::async_trait;
use offload_domain::{order::Order, whole_number::whole_number};
use serde::Deserialize;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::super::{
    contract::{Outcome, ProcessError, Processor, ResultFile},
    progress::Progress,
};

/// The most rows that a report may have.
const MAX_ROWS: u64 = 1_000_000;
/// The longest extra time, in milliseconds.
const MAX_DELAY_MS: u64 = 600_000;
/// A report is written in this many parts, with a progress report after each.
const PARTS: u64 = 20;

/// Writes the file of an order of the kind `report`. The rows follow from their numbers alone, so
/// that every attempt makes the same file. Only one buffer of it is ever in memory.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Report;

#[async_trait]
impl Processor for Report {
    async fn process(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        let Request { rows, delay } = Request::of(order).map_err(ProcessError::failed)?;
        let file = spawn_blocking(|| tempfile::Builder::new().prefix("report-").suffix(".csv").tempfile());
        let (file, path) = file.await.map_err(|e| thread_died(&e))?.map_err(|e| disk(&e))?.into_parts();
        let mut writer = with_header(file).map_err(|e| disk(&e))?;
        let mut written = 0;
        for part in 1..=PARTS {
            let until = rows * part / PARTS;
            writer = spawn_blocking(move || write(writer, written..until))
                .await
                .map_err(|e| thread_died(&e))?
                .map_err(|e| disk(&e))?;
            written = until;
            progress.report(percent(part), Some(&format!("{written} of {rows} rows")));
            tokio::select! {
                biased;
                () = progress.stopped() => return Err(ProcessError::stopped()),
                () = pause(delay / 20) => {}
            }
        }
        spawn_blocking(move || finish(writer)).await.map_err(|e| thread_died(&e))?.map_err(|e| disk(&e))?;
        Ok(Outcome::File(ResultFile { file_name: "report.csv".into(), content_type: "text/csv".into(), path }))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Request {
    rows: u64,
    /// Extra time, spread over the rows.
    delay: Duration,
}

impl Request {
    fn of(order: &Order) -> Result<Self, String> {
        #[derive(Default, Deserialize)]
        struct Members {
            rows: Option<Value>,
            delay_ms: Option<Value>,
        }
        let Members { rows, delay_ms } = order.payload.read().unwrap_or_default();
        let number = |name, value: Option<Value>, default, max: u64| {
            let value = value.map_or(default, |v| whole_number(&v));
            let fault = || format!("a report needs {name}: a whole number, at most {max}");
            value.filter(|n| *n <= max).ok_or_else(fault)
        };
        let rows = number("rows", rows, None, MAX_ROWS)?;
        Ok(Self { rows, delay: Duration::from_millis(number("delay_ms", delay_ms, Some(0), MAX_DELAY_MS)?) })
    }
}

async fn pause(time: Duration) {
    // The timer's precision is a millisecond: without this, every report would take at least 20.
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn percent(part: u64) -> u8 {
    u8::try_from(part * 100 / PARTS).unwrap_or(100)
}

/// A writer with the header in its buffer: nothing is on the disk yet.
fn with_header(file: File) -> io::Result<csv::Writer<File>> {
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record(["row", "day", "region", "units", "amount"])?;
    Ok(writer)
}

fn write(mut writer: csv::Writer<File>, rows: Range<u64>) -> io::Result<csv::Writer<File>> {
    for row in rows {
        writer.serialize(record(row))?;
    }
    Ok(writer)
}

/// Flushes and closes. Dropping the writer would do it too, and hide that the disk is full.
fn finish(mut writer: csv::Writer<File>) -> io::Result<()> {
    writer.flush()
}

fn record(row: u64) -> (u64, String, &'static str, u64, String) {
    const REGIONS: [&str; 4] = ["north", "east", "south", "west"];
    // Fibonacci hashing: neighbouring rows get values far apart.
    let mixed = row.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let (units, cents) = (1 + mixed % 50, mixed % 99_999);
    let day = format!("2026-{:02}-{:02}", 1 + row / 28 % 12, 1 + row % 28);
    let region = REGIONS[usize::from(mixed & 1 == 1) + 2 * usize::from(mixed & 2 == 2)];
    (row + 1, day, region, units, format!("{}.{:02}", cents / 100, cents % 100))
}

fn disk(error: &io::Error) -> ProcessError {
    tracing::warn!(%error, "the report cannot be written");
    ProcessError::retryable(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the worker's disk is full: the report needs room for a temporary file"
        }
        _ => "the worker cannot write the report to its disk",
    })
}

fn thread_died(error: &tokio::task::JoinError) -> ProcessError {
    tracing::warn!(%error, "the thread that writes the report died");
    ProcessError::retryable("the worker failed while it wrote the report")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};

    use serde_json::json;
    use tokio_util::sync::CancellationToken;

    use super::{super::super::testing::order_of, *};

    async fn run(payload: Value) -> Result<Outcome, ProcessError> {
        let (progress, _reports) = Progress::new(CancellationToken::new());
        Report.process(&order_of(payload), &progress).await
    }

    #[tokio::test]
    async fn a_report_has_a_header_and_the_rows_that_the_order_wants() {
        for rows in [1, 19, 10_000] {
            let outcome = run(json!({"kind": "report", "rows": rows})).await.unwrap();
            let Outcome::File(file) = outcome else { panic!("{outcome:?}") };
            assert_eq!((&*file.file_name, &*file.content_type), ("report.csv", "text/csv"));
            let lines: Vec<_> =
                BufReader::new(File::open(&file.path).unwrap()).lines().collect::<Result<_, _>>().unwrap();
            assert_eq!(lines.len(), rows + 1);
            assert_eq!(lines[0], "row,day,region,units,amount");
            assert!(lines.iter().all(|l| l.split(',').count() == 5));
            let path = file.path.to_path_buf();
            drop(file);
            assert!(!path.exists(), "the file goes with its handle");
        }
    }

    #[tokio::test]
    async fn progress_is_reported_per_five_percent_and_a_stop_ends_the_work() {
        let stop = CancellationToken::new();
        let (progress, mut reports) = Progress::new(stop.clone());
        let order = order_of(json!({"kind": "report", "rows": 100, "delay_ms": 600_000}));
        let work = tokio::spawn(async move { Report.process(&order, &progress).await });
        reports.changed().await.unwrap();
        let first = reports.borrow_and_update().clone().unwrap();
        assert_eq!((first.percent, first.message.as_deref()), (5, Some("5 of 100 rows")));
        stop.cancel();
        assert_eq!(work.await.unwrap().unwrap_err(), ProcessError::stopped());
    }

    #[tokio::test]
    async fn an_unusable_request_fails_for_good() {
        for payload in [
            json!({}),
            json!({"rows": "many"}),
            json!({"rows": -1}),
            json!({"rows": 1_000_001}),
            json!({"rows": 1, "delay_ms": 600_001}),
        ] {
            assert!(matches!(run(payload.clone()).await, Err(ProcessError::Final(_))), "{payload}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_worth_another_attempt() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let writer = write(with_header(full).unwrap(), 0..3).unwrap();
        let error = disk(&finish(writer).unwrap_err());
        assert!(
            matches!(error, ProcessError::Retryable { .. }) && error.to_string().contains("disk is full"),
            "{error}"
        );
    }
}
