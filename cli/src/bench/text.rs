//! What `bench` prints. Pure.

use std::fmt::Write;

use offload_cost::{Prices, dollars};
use serde_json::json;

use super::{
    args::BenchArgs,
    figures::{Figures, Spread},
};
use crate::{render::count, span};

/// What will happen, and for what price.
pub(super) fn plan(args: &BenchArgs, expected: f64, prices: &Prices) -> String {
    let seconds = f64::from(args.orders) / args.rate;
    let way = if args.push { "subscribes where it can" } else { "polls S3" };
    format!(
        "{} at {} a second, for about {}, to {}; a client of each {way}\n\
         on AWS ({}, prices of {}) that costs about {}, if their work takes {}; not counted is what runs anyway, such as tasks",
        count(args.orders.into(), "order"),
        args.rate,
        span::in_words(seconds),
        args.url,
        prices.region,
        prices.newest,
        dollars(expected),
        span::in_words(args.run_seconds),
    )
}

/// The report for people.
pub(super) fn report(figures: &Figures, cost: f64, prices: &Prices) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_report(&mut out, figures, cost, prices);
    out
}

fn write_report(out: &mut String, figures: &Figures, cost: f64, prices: &Prices) -> std::fmt::Result {
    let Figures { asked, sent, accepted, ended, .. } = figures;
    if figures.stopped {
        writeln!(out, "stopped early: {sent} of {asked} orders were sent; those under way go on")?;
    }
    writeln!(
        out,
        "{accepted} of {sent} accepted, {ended} ended within {}: {:.1} a second",
        span::in_words(figures.seconds),
        figures.ended_a_second
    )?;
    for (status, orders) in &figures.statuses {
        writeln!(out, "  {orders} {status}")?;
    }
    for (why, orders) in &figures.failures {
        writeln!(out, "  {orders} not seen to their end: {why}")?;
    }
    if figures.held_back_seconds > 1.0 {
        let longest = span::in_words(figures.held_back_seconds);
        writeln!(out, "  the load fell behind by up to {longest}: raise --at-once, or lower --rate")?;
    }
    let rows = [
        ("accepted", figures.acceptance),
        ("started", figures.start),
        ("ended", figures.end),
        ("client learned of it", figures.noticed),
    ];
    writeln!(out, "\n{:22}{:>12}{:>12}", "", "p50", "p99")?;
    for (name, spread) in rows {
        if let Some(Spread { p50, p99 }) = spread {
            writeln!(out, "{name:22}{:>12}{:>12}", time(p50), time(p99))?;
        }
    }
    writeln!(
        out,
        "\nan order: {:.2} polls, {:.2} events, {:.2} requests to the api beside POST; delay {:.1} % of its time",
        figures.polls,
        figures.events,
        figures.renewals,
        100.0 * figures.delay
    )?;
    if let Some(coverage) = figures.coverage {
        writeln!(
            out,
            "the estimate: {:.0} % ended by p10, {:.0} % by p50, {:.0} % by p90; {:.0} % between p10 and p90",
            100.0 * coverage.by_p10,
            100.0 * coverage.by_p50,
            100.0 * coverage.by_p90,
            100.0 * coverage.within
        )?;
    }
    writeln!(out, "cost on AWS ({}, prices of {}): {}", prices.region, prices.newest, dollars(cost))
}

/// The report for programs.
pub(super) fn json(args: &BenchArgs, figures: &Figures, expected: f64, cost: f64) -> String {
    json!({
        "url": args.url.as_str(),
        "orders": args.orders,
        "rate": args.rate,
        "push": args.push,
        "region": args.region,
        "expected_dollars": expected,
        "dollars": cost,
        "figures": figures,
    })
    .to_string()
}

/// A time to three digits.
fn time(seconds: f64) -> String {
    match seconds {
        ..0.0995 => format!("{:.1} ms", 1e3 * seconds),
        0.0995..0.9995 => format!("{:.0} ms", 1e3 * seconds),
        0.9995..100.0 => format!("{seconds:.2} s"),
        _ => span::in_words(seconds),
    }
}
