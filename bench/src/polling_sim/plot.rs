//! The front of polls against delay, as SVG.

use std::fmt::Write;

use super::{
    clients::Client,
    figures::{Figures, PlotPoint},
    queue::Class,
};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 56.0;
/// The largest values of the axes: polls per order, and delay in percent.
const MOST: (f64, f64) = (12.0, 40.0);

/// The series: name, colour, and where the name is written relative to the point of that index.
const SERIES: [(&str, &str, usize, f64, f64); 4] = [
    ("fixed interval T/n, T known", "#8a8f98", 3, 6.0, -10.0),
    ("exponential backoff from 1 s", "#b8722c", 4, 12.0, -4.0),
    ("this schedule", "#1f5fbf", 0, 8.0, -6.0),
    ("with a finish hint", "#1a8a5a", 0, 6.0, 14.0),
];

/// The classes that the plot averages: in a burst, backoff needs hundreds of polls.
const CLASSES: [Class; 4] = [Class::Idle, Class::Steady, Class::Busy, Class::Elastic];

/// The whole picture.
pub(crate) fn svg(figures: &Figures) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = draw(&mut out, figures);
    out
}

fn x(polls: f64) -> f64 {
    LEFT + polls / MOST.0 * (WIDTH - LEFT - RIGHT)
}

fn y(percent: f64) -> f64 {
    HEIGHT - BOTTOM - percent / MOST.1 * (HEIGHT - TOP - BOTTOM)
}

fn draw(out: &mut String, figures: &Figures) -> std::fmt::Result {
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#24292f\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"15\" font-weight=\"600\">What a client pays: polls per order, and delay after \
         the order's end</text>\n\
         <text x=\"{LEFT}\" y=\"42\" fill=\"#57606a\">Mean of the simulated queues at utilisation 0.3, 0.7 and 0.95, and of \
         elastic ones. Lower left is better.</text>"
    )?;
    axes(out)?;
    let points = average(figures);
    for (name, colour, label, right, down) in SERIES {
        let line: Vec<&PlotPoint> = points.iter().filter(|p| p.series == name).collect();
        let inside: Vec<&&PlotPoint> = line.iter().filter(|p| p.polls <= MOST.0 && p.delay * 100.0 <= MOST.1).collect();
        let path: Vec<String> = inside.iter().map(|p| format!("{:.1},{:.1}", x(p.polls), y(100.0 * p.delay))).collect();
        writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        )?;
        for p in &inside {
            writeln!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                x(p.polls),
                y(100.0 * p.delay)
            )?;
        }
        if let Some(at) = inside.get(label).or(inside.last()) {
            let (px, py) = (x(at.polls) + right, y(100.0 * at.delay) + down);
            writeln!(out, "<text x=\"{px:.1}\" y=\"{py:.1}\" fill=\"{colour}\" font-weight=\"600\">{name}</text>")?;
        }
    }
    marks(out, figures)?;
    writeln!(out, "</svg>")
}

fn axes(out: &mut String) -> std::fmt::Result {
    for tick in [0.0, 10.0, 20.0, 30.0, 40.0] {
        let at = y(tick);
        writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#d8dee4\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{tick} %</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0
        )?;
    }
    for tick in [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0] {
        let at = x(tick);
        writeln!(out, "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick}</text>", HEIGHT - BOTTOM + 18.0)?;
    }
    writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">polls per order, with the last one</text>\n\
         <text transform=\"translate(16 {:.1}) rotate(-90)\" text-anchor=\"middle\">delay, share of the order's time</text>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 14.0,
        f64::midpoint(TOP, HEIGHT - BOTTOM)
    )
}

/// The clients that are one point: what the service does, and what it is compared with.
fn marks(out: &mut String, figures: &Figures) -> std::fmt::Result {
    for (client, colour, name, right, down) in [
        (Client::Schedule, "#1f5fbf", "as set", 10.0, -6.0),
        (Client::Hint, "#1a8a5a", "as set", -56.0, 5.0),
        (Client::RetryAfter, "#7a3fb0", "Retry-After", 8.0, -8.0),
        (Client::FixedInterval, "#8a8f98", "T/10, T known", -90.0, 24.0),
    ] {
        let costs: Vec<_> = CLASSES.iter().filter_map(|c| figures.get(c)?.costs.get(&client)).collect();
        let n = costs.len().max(1) as f64;
        let polls = costs.iter().map(|c| c.polls).sum::<f64>() / n;
        let delay = 100.0 * costs.iter().map(|c| c.delay).sum::<f64>() / n;
        writeln!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"6\" fill=\"#ffffff\" stroke=\"{colour}\" stroke-width=\"3\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
            x(polls),
            y(delay),
            x(polls) + right,
            y(delay) + down
        )?;
    }
    Ok(())
}

fn average(figures: &Figures) -> Vec<PlotPoint> {
    let classes: Vec<_> = CLASSES.iter().filter_map(|c| figures.get(c)).collect();
    let Some(first) = classes.first() else { return Vec::new() };
    let n = classes.len() as f64;
    let mean = |index: usize, of: fn(&PlotPoint) -> f64| {
        classes.iter().filter_map(|c| c.points.get(index)).map(of).sum::<f64>() / n
    };
    let points = first.points.iter().enumerate();
    points.map(|(i, p)| PlotPoint { polls: mean(i, |p| p.polls), delay: mean(i, |p| p.delay), ..p.clone() }).collect()
}
