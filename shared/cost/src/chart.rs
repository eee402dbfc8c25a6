//! The chart of the break-even, as SVG: dollars a month against polls an order. Readable on light
//! pages and on dark ones.

use std::fmt::Write;

use crate::{
    bill::Bill,
    line::dollars,
    prices::Prices,
    scenario::Scenario,
    ways::{Inputs, Way, WayName},
};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 450.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 78.0;
const BOTTOM: f64 = 56.0;
/// Polls at the end of the axis.
const POLLS: f64 = 20.0;

/// The lines, each with its class.
const SERIES: [(WayName, &str); 5] = [
    (WayName::TypicalApi, "a"),
    (WayName::RestApi, "b"),
    (WayName::LeanApi, "c"),
    (WayName::PlainS3, "d"),
    (WayName::Schedule, "e"),
];

/// By the browser's colour scheme. A background of its own, so that it is readable on any page.
const STYLE: &str = "\
svg{color-scheme:light dark;font:13px system-ui,sans-serif}\
.bg{fill:#fff}text{fill:#24292f}.dim{fill:#57606a}.grid{stroke:#d8dee4}.mark{fill:#fff;stroke:#24292f;stroke-width:2}\
.a{stroke:#b8722c}.b{stroke:#a0438f}.c{stroke:#c2352b}.d{stroke:#7a828c}.e{stroke:#1f5fbf}\
path{fill:none;stroke-width:2.5}.d{stroke-dasharray:5 4}\
text.a{fill:#97560f}text.b{fill:#a0438f}text.c{fill:#c2352b}text.d{fill:#626a73}text.e{fill:#1f5fbf;font-weight:600}\
text.a,text.b,text.c,text.d,text.e{stroke:none}\
@media(prefers-color-scheme:dark){.bg{fill:#0d1117}text{fill:#e6edf3}.dim{fill:#9198a1}.grid{stroke:#30363d}\
.mark{fill:#0d1117;stroke:#e6edf3}.a{stroke:#e0a35c}.b{stroke:#d68bc8}.c{stroke:#ff7b72}.d{stroke:#8b949e}.e{stroke:#6cb0ff}\
text.a{fill:#e0a35c}text.b{fill:#d68bc8}text.c{fill:#ff7b72}text.d{fill:#9198a1}text.e{fill:#6cb0ff}}";

/// The picture of a bill.
#[must_use]
pub fn chart(bill: &Bill, prices: &Prices) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = draw(&mut out, bill, prices);
    out
}

fn draw(out: &mut String, bill: &Bill, prices: &Prices) -> std::fmt::Result {
    let at = |name: WayName, polls: f64| {
        let scenario = Scenario { polls, ..bill.scenario.clone() };
        let (behaviour, calls) = (&bill.behaviour, &bill.calls);
        Way::new(name, &Inputs { scenario: &scenario, prices, behaviour, calls }).dollars
    };
    // The cheap half of what the lean API costs is where the lines cross.
    let most = nice(1.25 * at(WayName::LeanApi, POLLS).max(at(WayName::Schedule, POLLS)));
    let x = |polls: f64| LEFT + polls / POLLS * (WIDTH - LEFT - RIGHT);
    let y = |amount: f64| HEIGHT - BOTTOM - amount / most * (HEIGHT - TOP - BOTTOM);
    let orders = grouped(bill.scenario.orders);
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         role=\"img\" aria-label=\"What {orders} orders a month cost by the polls of each\">\n<style>{STYLE}</style>\n\
         <rect class=\"bg\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
         <text x=\"{LEFT}\" y=\"26\" font-size=\"15\" font-weight=\"600\">What it costs that clients learn of the end</text>\n\
         <text class=\"dim\" x=\"{LEFT}\" y=\"45\">{orders} orders a month, {}, prices of {}. What all have in common is left \
         out.</text>",
        bill.region, bill.prices_dated.1
    )?;
    for n in 0..=5 {
        let amount = most * f64::from(n) / 5.0;
        let at = y(amount);
        writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
            tick(amount)
        )?;
    }
    for polls in [0.0, 5.0, 10.0, 15.0, 20.0] {
        let at = x(polls);
        let y = HEIGHT - BOTTOM + 20.0;
        writeln!(out, "<text class=\"dim\" x=\"{at:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{polls}</text>")?;
    }
    writeln!(
        out,
        "<text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">polls of a client for an order, where it polls by \
         an interval</text>",
        x(POLLS / 2.0),
        HEIGHT - 14.0
    )?;
    let mut labels = Vec::new();
    for (name, class) in SERIES {
        // To the frame at most: prices by the quantity make a line bend.
        let points: Vec<(f64, f64)> =
            (0..=80).map(|n| POLLS * f64::from(n) / 80.0).map(|polls| (polls, at(name, polls))).collect();
        let inside: Vec<&(f64, f64)> = points.iter().take_while(|(_, amount)| *amount <= most).collect();
        let path: Vec<String> =
            inside.iter().map(|(polls, amount)| format!("{:.1} {:.1}", x(*polls), y(*amount))).collect();
        writeln!(out, "<path class=\"{class}\" d=\"M{}\"/>", path.join("L"))?;
        if let Some((polls, amount)) = inside.last() {
            labels.push((name, class, x(*polls), y(*amount)));
        }
    }
    label(out, labels)?;
    let ours = at(WayName::Schedule, 1.0);
    let marks: Vec<f64> =
        bill.break_even.iter().filter_map(|even| even.polls).filter(|p| *p <= POLLS && ours <= most).collect();
    for (n, polls) in marks.iter().enumerate() {
        let (at, y) = (x(*polls), y(ours));
        // Below to the right, unless the next one is there.
        let crowded = marks.get(n + 1).is_some_and(|next| x(*next) - at < 48.0);
        let (dx, dy, anchor) = if crowded { (-7.0, -8.0, "end") } else { (4.0, 20.0, "start") };
        writeln!(
            out,
            "<circle class=\"mark\" cx=\"{at:.1}\" cy=\"{y:.1}\" r=\"5\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" font-weight=\"600\">{polls:.1}</text>",
            at + dx,
            y + dy
        )?;
    }
    writeln!(out, "</svg>")
}

/// The names beside the ends of their lines: to the right of those that reach the edge, and above
/// the others.
fn label(out: &mut String, mut labels: Vec<(WayName, &str, f64, f64)>) -> std::fmt::Result {
    labels.sort_by(|a, b| a.3.total_cmp(&b.3));
    let edge = WIDTH - RIGHT - 1.0;
    let mut last = f64::NEG_INFINITY;
    for (name, class, x, y) in labels {
        let name = name.short();
        if x < edge {
            writeln!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\">{name}</text>", TOP - 6.0)?;
            continue;
        }
        let at = (y + 4.0).max(last + 16.0);
        writeln!(out, "<text class=\"{class}\" x=\"{:.1}\" y=\"{at:.1}\">{name}</text>", x + 8.0)?;
        last = at;
    }
    Ok(())
}

/// The next of 1, 2, 2.5 and 5 times a power of ten, for five steps of an axis.
fn nice(most: f64) -> f64 {
    let power = 10f64.powf((most / 5.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| 5.0 * step >= most);
    5.0 * step.unwrap_or(10.0 * power)
}

fn tick(amount: f64) -> String {
    dollars(amount).trim_end_matches(".00").to_owned()
}

fn grouped(number: f64) -> String {
    dollars(number.max(1_000.0)).trim_start_matches('$').to_owned()
}
