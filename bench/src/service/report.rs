//! Tables of medians.

use std::fmt::Write as _;

use super::figures::{ApiRound, Figures, Rounds, WorkerRound};

/// A program that had less of its core than this was waited for by none: the harness was too slow.
const SATURATED: f64 = 0.9;

/// The tables.
pub(super) fn text(figures: &Figures) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = apis(&mut out, &figures.apis).and_then(|()| workers(&mut out, &figures.workers));
    out
}

fn apis(out: &mut String, apis: &[Rounds<ApiRound>]) -> std::fmt::Result {
    let Some(own) = apis.first().map(|own| own.median(|r| r.processor_us)) else { return Ok(()) };
    writeln!(
        out,
        "| api | processor time an order | of ours | orders/s | p50 | p99 | p50 slow | idle | loaded | calls |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
    for api in apis {
        let of = |value: fn(&ApiRound) -> f64| api.median(value);
        let processor = of(|r| r.processor_us);
        let at_least = if of(|r| r.busy) < SATURATED { "> " } else { "" };
        writeln!(
            out,
            "| {} | {processor:.0} µs | {:.2} | {at_least}{:.0} | {:.1} ms | {:.1} ms | {:.1} ms | {:.1} MB | {:.1} MB | {:.2} |",
            api.name,
            processor / own,
            of(|r| r.orders_per_second),
            of(|r| r.p50_ms),
            of(|r| r.p99_ms),
            of(|r| r.slow_p50_ms),
            of(|r| r.idle_mb),
            of(|r| r.loaded_mb),
            of(|r| r.calls_per_order),
        )?;
    }
    writeln!(out)
}

fn workers(out: &mut String, workers: &[Rounds<WorkerRound>]) -> std::fmt::Result {
    let Some(own) = workers.first().map(|own| own.median(|r| r.processor_us)) else { return Ok(()) };
    writeln!(
        out,
        "| worker | processor time a message | of ours | messages/s | idle | loaded | calls | table | PUTs |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
    for worker in workers {
        let of = |value: fn(&WorkerRound) -> f64| worker.median(value);
        let processor = of(|r| r.processor_us);
        let at_least = if of(|r| r.busy) < SATURATED { "> " } else { "" };
        writeln!(
            out,
            "| {} | {processor:.0} µs | {:.2} | {at_least}{:.0} | {:.1} MB | {:.1} MB | {:.2} | {:.2} | {:.2} |",
            worker.name,
            processor / own,
            of(|r| r.messages_per_second),
            of(|r| r.idle_mb),
            of(|r| r.loaded_mb),
            of(|r| r.calls_per_message),
            of(|r| r.writes_per_message),
            of(|r| r.puts_per_message),
        )?;
    }
    Ok(())
}
