//! `offload workers`: who works, and how much.
//!
//! It reads the order table directly, with AWS credentials, and needs no api.

use clap::Args;
use offload_domain::history::{REPORT_TTL, WorkerReport};
use offload_service::clock;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    output,
    render::count,
    span::in_words,
    stores::{StoreArgs, unreachable},
};

#[derive(Debug, Args)]
pub(crate) struct WorkersArgs {
    #[command(flatten)]
    stores: StoreArgs,
    /// Those too that have stopped, as long as their reports are kept
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: WorkersArgs) -> Result<(), Failure> {
    let orders = args.stores.orders("offload workers").await?;
    let mut reports = orders.worker_reports().await.map_err(unreachable)?;
    let now = clock::now();
    let alive = |report: &WorkerReport| now - report.reported_at <= REPORT_TTL;
    reports.retain(|report| args.all || alive(report));
    reports.sort_by(|a, b| a.worker.cmp(&b.worker));
    let running = |report: &WorkerReport| report.figures.as_ref().map(|figures| figures.running);
    let mean = |report: &WorkerReport| Some(report.history.summary().mean).filter(|_| report.history.count() > 0.0);
    if args.json {
        let entry = |r: &WorkerReport| {
            json!({
                "name": r.worker, "alive": alive(r), "reported_at": r.reported_at, "concurrency": r.concurrency,
                "running": running(r), "mean_seconds": mean(r), "finished_a_minute": r.finished_3s.saturating_mul(20),
                "version": r.figures.as_ref().map(|f| f.version.clone()),
                "started_at": r.figures.as_ref().map(|f| f.started_at),
            })
        };
        let workers: Vec<Value> = reports.iter().map(entry).collect();
        return output::json(&json!({"workers": workers}).to_string());
    }
    let line = |r: &WorkerReport| {
        let state = if alive(r) { "alive" } else { "gone" };
        let running = running(r).map_or_else(|| "?".to_owned(), |n| n.to_string());
        let mean = mean(r).map_or_else(|| "no order yet".to_owned(), |s| format!("{} each", in_words(s)));
        let ago = in_words((now - r.reported_at).as_seconds_f64());
        format!("{}  {state}  {running} of {} permits  {mean}  seen {ago} ago\n", r.worker, r.concurrency)
    };
    let text: String = reports.iter().map(line).collect();
    output::result(&(text + &count(reports.len() as u64, "worker")))
}
