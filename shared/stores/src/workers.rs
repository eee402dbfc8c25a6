//! What workers publish of themselves, one small item each, in one partition of the order table.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    error::{Error, Kind},
    item::{Item, PK, SK, TTL, millis, number, text},
    orders::OrderTable,
};
use offload_domain::history::WorkerReport;

const WORKERS: &str = "workers";
const REPORT: &str = "report";
const REPORTED_AT: &str = "reported_at";

/// A report of a worker that never came back is kept so long: its history is worth more than the
/// bytes.
const KEPT: TimeDelta = TimeDelta::days(14);

/// Pages of reports that are read at most: each is a megabyte, and they are read every three
/// seconds.
const PAGES_MAX: usize = 8;

impl OrderTable {
    /// Publishes a worker's report in place of its last one.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn publish_report(&self, report: &WorkerReport) -> Result<(), Error> {
        let json = serde_json::to_string(report).map_err(|e| unreadable(e.to_string()))?;
        let put = self.rows.client.put_item().table_name(&*self.rows.table);
        let put = put
            .item(PK, text(WORKERS))
            .item(SK, text(&report.worker))
            .item(REPORT, text(json))
            .item(REPORTED_AT, millis(report.reported_at))
            .item(TTL, number((report.reported_at + KEPT).timestamp()));
        Box::pin(put.send()).await.map(drop).map_err(|e| Error::of("dynamodb.PutItem", &e))
    }

    /// Every worker's last report, also of those that are gone: at 1 to 6 KB each, a page holds
    /// more than 150. Of a fleet beyond eight pages the rest is left out; the history of so many is
    /// enough.
    ///
    /// # Errors
    /// If a call fails. A report that cannot be read, of another version perhaps, is left out.
    pub async fn worker_reports(&self) -> Result<Vec<WorkerReport>, Error> {
        let report = |i: &Item| i.get(REPORT).and_then(|a| a.as_s().ok()).and_then(|r| serde_json::from_str(r).ok());
        let (mut reports, mut from) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let query =
                self.rows.client.query().table_name(&*self.rows.table).key_condition_expression("pk = :workers");
            let query = query.expression_attribute_values(":workers", text(WORKERS)).set_exclusive_start_key(from);
            let page = Box::pin(query.send()).await.map_err(|e| Error::of("dynamodb.Query", &e))?;
            reports.extend(page.items.unwrap_or_default().iter().filter_map(report));
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(reports)
    }

    /// Removes a report that its worker has not renewed since `reported_at`. The api that does so
    /// takes its history over: `true` for one caller only.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn adopt_report(&self, worker: &str, reported_at: DateTime<Utc>) -> Result<bool, Error> {
        let delete =
            self.rows.client.delete_item().table_name(&*self.rows.table).key(PK, text(WORKERS)).key(SK, text(worker));
        let delete = delete
            .condition_expression("#at = :at")
            .expression_attribute_names("#at", REPORTED_AT)
            .expression_attribute_values(":at", millis(reported_at));
        match Box::pin(delete.send()).await.map_err(|e| Error::of("dynamodb.DeleteItem", &e)) {
            Ok(_) => Ok(true),
            Err(Error { kind: Kind::Conflict, .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }
}

fn unreadable(cause: String) -> Error {
    Error::new(Kind::Invalid, "dynamodb.item", cause)
}
