//! The tables, and how they compare with `eta.md`'s.

use std::fmt::Write;

use serde::Serialize;

use super::{
    clients::Client,
    figures::{ClassFigures, Figures},
    queue::Class,
    scenarios::Recovery,
};

/// The figures to beat.
struct Target {
    class: Class,
    /// Looks per order, and delay as a share of the sojourn.
    schedule: (f64, f64),
    hint: Option<(f64, f64)>,
    mdape: f64,
}

const TARGETS: [Target; 5] = [
    Target { class: Class::Idle, schedule: (2.5, 0.22), hint: Some((2.6, 0.10)), mdape: 0.53 },
    Target { class: Class::Steady, schedule: (2.5, 0.20), hint: Some((2.6, 0.10)), mdape: 0.49 },
    Target { class: Class::Busy, schedule: (2.7, 0.13), hint: Some((2.4, 0.10)), mdape: 0.22 },
    Target { class: Class::Burst, schedule: (3.0, 0.09), hint: None, mdape: 0.105 },
    Target { class: Class::Elastic, schedule: (2.8, 0.15), hint: Some((2.4, 0.10)), mdape: 0.32 },
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
    for target in &TARGETS {
        let Some(class) = figures.get(&target.class) else { continue };
        let mut put = |figure, measured: f64, target_: f64| {
            let ahead = measured <= target_;
            all.push(Verdict { class: target.class, figure, measured, target: target_, ahead });
        };
        if let Some(cost) = class.costs.get(&Client::Schedule) {
            put("polls", cost.polls, target.schedule.0);
            put("delay", cost.delay, target.schedule.1);
        }
        if let (Some(cost), Some(hint)) = (class.costs.get(&Client::Hint), target.hint) {
            put("polls, hint", cost.polls, hint.0);
            put("delay, hint", cost.delay, hint.1);
        }
        put("MdAPE", class.accuracy.mdape, target.mdape);
    }
    all
}

/// All tables, as Markdown.
pub(crate) fn text(figures: &Figures, recoveries: &[Recovery]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = clients(&mut out, figures);
    let _ = accuracy(&mut out, figures);
    let _ = targets(&mut out, figures);
    let _ = scenarios(&mut out, recoveries);
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
    row(out, "MdAPE, eta.md as written", figures, |f| format!("{:.3}", f.accuracy.reference_mdape))?;
    row(out, "MdAPE, told the true mean and workers", figures, |f| format!("{:.3}", f.accuracy.informed_mdape))?;
    row(out, "MdAPE, the article's (N+F) x mean", figures, |f| format!("{:.1}", f.accuracy.article_mdape))?;
    row(out, "done by p10", figures, |f| format!("{:.0} %", 100.0 * f.accuracy.by_p10))?;
    row(out, "done by p50", figures, |f| format!("{:.0} %", 100.0 * f.accuracy.by_p50))?;
    row(out, "done by p90", figures, |f| format!("{:.0} %", 100.0 * f.accuracy.by_p90))?;
    row(out, "queues / orders", figures, |f| format!("{} / {}", f.queues, f.orders))
}

fn targets(out: &mut String, figures: &Figures) -> std::fmt::Result {
    let verdicts = verdicts(figures);
    writeln!(out, "\nAgainst the figures of eta.md (measured <= target).\n")?;
    writeln!(out, "| | this schedule | with a finish hint | MdAPE |\n|---|---|---|---|")?;
    for target in &TARGETS {
        let of = |names: &[&str]| {
            let cells: Vec<&Verdict> =
                verdicts.iter().filter(|v| v.class == target.class && names.contains(&v.figure)).collect();
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
            target.class.name(),
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
         told the true workers and service time, and stays there.\n"
    )?;
    writeln!(
        out,
        "| change | recovered within | MdAPE in the first 2 s (told the truth) | afterwards |\n|---|---|---|---|"
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
