//! The tables, and the figures beside their targets.

use std::fmt::Write;

use serde::Serialize;

use super::{
    clients::Client,
    figures::{ClassFigures, Figures},
    publishing::PublishingFigures,
    queue::Class,
    scenarios::Recovery,
    tenants::TenantFigures,
};

/// The figures to beat.
struct Goal {
    class: Class,
    /// Polls per order, and delay as a share of the sojourn.
    schedule: (f64, f64),
    hint: Option<(f64, f64)>,
    mdape: f64,
}

const GOALS: [Goal; 5] = [
    Goal { class: Class::Idle, schedule: (2.5, 0.22), hint: Some((2.6, 0.10)), mdape: 0.53 },
    Goal { class: Class::Steady, schedule: (2.5, 0.20), hint: Some((2.6, 0.10)), mdape: 0.49 },
    Goal { class: Class::Busy, schedule: (2.7, 0.13), hint: Some((2.4, 0.10)), mdape: 0.22 },
    Goal { class: Class::Burst, schedule: (3.0, 0.09), hint: None, mdape: 0.105 },
    Goal { class: Class::Elastic, schedule: (2.8, 0.15), hint: Some((2.4, 0.10)), mdape: 0.32 },
];

/// One figure beside its target.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Verdict {
    pub(crate) class: Class,
    pub(crate) figure: &'static str,
    pub(crate) measured: f64,
    pub(crate) target: f64,
    pub(crate) ahead: bool,
}

/// Every figure for which there is a target.
pub(crate) fn verdicts(figures: &Figures) -> Vec<Verdict> {
    let mut all = Vec::new();
    for goal in &GOALS {
        let Some(class) = figures.get(&goal.class) else { continue };
        let mut put = |figure, measured: f64, target: f64| {
            let ahead = measured <= target;
            all.push(Verdict { class: goal.class, figure, measured, target, ahead });
        };
        if let Some(cost) = class.costs.get(&Client::Schedule) {
            put("polls", cost.polls, goal.schedule.0);
            put("delay", cost.delay, goal.schedule.1);
        }
        if let (Some(cost), Some(hint)) = (class.costs.get(&Client::Hint), goal.hint) {
            put("polls, hint", cost.polls, hint.0);
            put("delay, hint", cost.delay, hint.1);
        }
        put("MdAPE", class.accuracy.mdape, goal.mdape);
    }
    all
}

/// All tables, as Markdown.
pub(crate) fn text(
    figures: &Figures,
    recoveries: &[Recovery],
    of_tenants: &[TenantFigures],
    of_publishing: &[PublishingFigures],
) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = clients(&mut out, figures);
    let _ = accuracy(&mut out, figures);
    let _ = targets(&mut out, figures);
    let _ = scenarios(&mut out, recoveries);
    let _ = tenants(&mut out, of_tenants);
    let _ = publishing(&mut out, of_publishing);
    out
}

fn header(out: &mut String, title: &str, figures: &Figures) -> std::fmt::Result {
    write!(out, "| {title} |")?;
    for class in figures.keys() {
        write!(out, " {} |", class.name())?;
    }
    writeln!(out, "\n|---|{}", "---|".repeat(figures.len()))
}

fn row(out: &mut String, name: &str, figures: &Figures, cell: impl Fn(&ClassFigures) -> String) -> std::fmt::Result {
    write!(out, "| {name} |")?;
    for class in figures.values() {
        write!(out, " {} |", cell(class))?;
    }
    writeln!(out)
}

fn clients(out: &mut String, figures: &Figures) -> std::fmt::Result {
    writeln!(out, "Polls per order, with the last one / added delay, mean over mean sojourn. Means over queues.\n")?;
    header(out, "client", figures)?;
    for client in Client::ALL {
        row(out, client.name(), figures, |f| {
            let cost = f.costs.get(&client).copied().unwrap_or_default();
            format!("{:.2} / {:.1} %", cost.polls, 100.0 * cost.delay)
        })?;
    }
    let puts = |f: &ClassFigures| f.costs.get(&Client::Progress).map_or(0.0, |c| c.puts);
    row(out, "PUTs of windows per order, with progress reports", figures, |f| format!("{:.2}", puts(f)))
}

fn accuracy(out: &mut String, figures: &Figures) -> std::fmt::Result {
    writeln!(out, "\nThe estimate at POST. MdAPE: median of |p50 - sojourn| / sojourn. Means over queues.\n")?;
    header(out, "", figures)?;
    row(out, "MdAPE", figures, |f| format!("{:.3}", f.accuracy.mdape))?;
    row(out, "MdAPE, baseline", figures, |f| format!("{:.3}", f.accuracy.baseline_mdape))?;
    row(out, "MdAPE, given the true mean and workers", figures, |f| format!("{:.3}", f.accuracy.informed_mdape))?;
    row(out, "MdAPE, messages x mean", figures, |f| format!("{:.1}", f.accuracy.naive_mdape))?;
    row(out, "done by p10", figures, |f| format!("{:.0} %", 100.0 * f.accuracy.by_p10))?;
    row(out, "done by p50", figures, |f| format!("{:.0} %", 100.0 * f.accuracy.by_p50))?;
    row(out, "done by p90", figures, |f| format!("{:.0} %", 100.0 * f.accuracy.by_p90))?;
    row(out, "queues / orders", figures, |f| format!("{} / {}", f.queues, f.orders))
}

fn targets(out: &mut String, figures: &Figures) -> std::fmt::Result {
    let verdicts = verdicts(figures);
    writeln!(out, "\nAgainst the targets (measured <= target).\n")?;
    writeln!(out, "| | this schedule | with a finish hint | MdAPE |\n|---|---|---|---|")?;
    for goal in &GOALS {
        let of = |names: &[&str]| {
            let cells: Vec<&Verdict> =
                verdicts.iter().filter(|v| v.class == goal.class && names.contains(&v.figure)).collect();
            if cells.is_empty() {
                return "-".to_owned();
            }
            let number = |v: f64, name: &str| match name {
                "MdAPE" => format!("{v:.3}"),
                "delay" | "delay, hint" => format!("{:.1} %", 100.0 * v),
                _ => format!("{v:.2}"),
            };
            let join = |value: fn(&Verdict) -> f64| {
                cells.iter().map(|v| number(value(v), v.figure)).collect::<Vec<_>>().join(" / ")
            };
            let word = if cells.iter().all(|v| v.ahead) { "ahead" } else { "BEHIND" };
            format!("{} of {}: {word}", join(|v| v.measured), join(|v| v.target))
        };
        writeln!(
            out,
            "| {} | {} | {} | {} |",
            goal.class.name(),
            of(&["polls", "delay"]),
            of(&["polls, hint", "delay, hint"]),
            of(&["MdAPE"])
        )?;
    }
    Ok(())
}

fn scenarios(out: &mut String, recoveries: &[Recovery]) -> std::fmt::Result {
    writeln!(
        out,
        "\nSudden changes. Recovered: the MdAPE of orders by their POST is within 1.5 times that of the same estimator\n\
         given the true workers and service time, and stays there.\n"
    )?;
    writeln!(
        out,
        "| change | recovered within | MdAPE in the first 2 s (given the truth) | later |\n|---|---|---|---|"
    )?;
    for r in recoveries {
        let after = match r.recovered_after {
            Some(0.0) => "at once".to_owned(),
            Some(seconds) => format!("{seconds:.0} s"),
            None => "NOT".to_owned(),
        };
        writeln!(
            out,
            "| {} | {after} | {:.2} ({:.2}) | {:.2} ({:.2}) |",
            r.name, r.first_mdape, r.first_informed, r.later_mdape, r.later_informed
        )?;
    }
    Ok(())
}

fn tenants(out: &mut String, figures: &[TenantFigures]) -> std::fmt::Result {
    writeln!(
        out,
        "\nA quiet tenant (1/20 of the orders) beside a busy one; together they post 1.5 times what is worked on.\n"
    )?;
    writeln!(
        out,
        "| queue | tenant | estimate | MdAPE | done by p90 | polls / delay | start p50 | p99 | a second |\n|---|---|---|---|---|---|---|---|---|"
    )?;
    for f in figures {
        writeln!(
            out,
            "| {} | {} | {} | {:.2} | {:.0} % | {:.2} / {:.1} % | {:.2} s | {:.2} s | {:.2} |",
            f.queue,
            f.tenant,
            f.estimate,
            f.mdape,
            100.0 * f.by_p90,
            f.polls,
            100.0 * f.delay,
            f.start_p50,
            f.start_p99,
            f.per_second
        )?;
    }
    Ok(())
}

fn publishing(out: &mut String, figures: &[PublishingFigures]) -> std::fmt::Result {
    writeln!(
        out,
        "\nWhen a running order is published, at 70 % of the capacity; log-normal, with reports of progress.\n"
    )?;
    writeln!(out, "| queue | published | PUTs | polls | delay | S3 for a million orders |\n|---|---|---|---|---|---|")?;
    for f in figures {
        let delay = 100.0 * f.delay;
        writeln!(
            out,
            "| {} | {} | {:.2} | {:.2} | {delay:.1} % | ${:.2} |",
            f.queue, f.policy, f.puts, f.polls, f.dollars
        )?;
    }
    Ok(())
}
