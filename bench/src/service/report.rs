//! Tables of medians.

use std::fmt::Write as _;

use super::figures::{ApiRound, Rounds};

/// The tables.
pub(super) fn text(apis: &[Rounds<ApiRound>]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = apis_table(&mut out, apis);
    out
}

fn apis_table(out: &mut String, apis: &[Rounds<ApiRound>]) -> std::fmt::Result {
    let Some(first) = apis.first() else { return Ok(()) };
    let own = first.median(|r| r.processor_us);
    writeln!(
        out,
        "| api | processor time an order | times the first | orders/s | p50, p99 | p50 slow | idle, loaded | calls |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|")?;
    for api in apis {
        let of = |value: fn(&ApiRound) -> f64| api.median(value);
        writeln!(
            out,
            "| {} | {:.0} us | {:.2} | {:.0} | {:.2}, {:.2} ms | {:.2} ms | {:.1}, {:.1} MB | {:.2} |",
            api.name,
            of(|r| r.processor_us),
            of(|r| r.processor_us) / own,
            of(|r| r.orders_per_second),
            of(|r| r.p50_ms),
            of(|r| r.p99_ms),
            of(|r| r.slow_p50_ms),
            of(|r| r.idle_mb),
            of(|r| r.loaded_mb),
            of(|r| r.calls_per_order),
        )?;
    }
    Ok(())
}
