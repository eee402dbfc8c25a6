//! The processor times as bars, as SVG.

use std::fmt::Write as _;

use super::figures::Figures;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 130.0;
const RIGHT: f64 = 150.0;
const BAR: f64 = 20.0;
const ROW: f64 = 28.0;
const TITLE: f64 = 52.0;

/// The whole picture.
pub(super) fn svg(figures: &Figures) -> String {
    let apis: Vec<_> = figures.apis.iter().map(|api| (api.name.as_str(), api.median(|r| r.processor_us))).collect();
    let workers: Vec<_> = figures.workers.iter().map(|w| (w.name.as_str(), w.median(|r| r.processor_us))).collect();
    let height = |bars: &[(&str, f64)]| if bars.is_empty() { 0.0 } else { TITLE + ROW * bars.len() as f64 };
    let (all, below) = (height(&apis) + height(&workers) + 16.0, height(&apis));
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {all}\" width=\"{WIDTH}\" height=\"{all}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#24292f\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
    );
    let _ = chart(&mut out, 0.0, "Processor time to accept an order", &apis);
    let _ = chart(&mut out, below, "Processor time to work off a message", &workers);
    out + "</svg>\n"
}

fn chart(out: &mut String, top: f64, title: &str, bars: &[(&str, f64)]) -> std::fmt::Result {
    let Some(own) = bars.first().map(|(_, own)| *own) else { return Ok(()) };
    let most = bars.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let mut sorted = bars.to_vec();
    sorted.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
    writeln!(out, "<text x=\"16\" y=\"{}\" font-size=\"15\" font-weight=\"600\">{title}</text>", top + 28.0)?;
    for (row, (name, value)) in sorted.into_iter().enumerate() {
        let y = top + TITLE - 8.0 + ROW * row as f64;
        let width = (value / most * (WIDTH - LEFT - RIGHT)).max(1.0);
        let colour = if name.starts_with("offload") { "#1f5fbf" } else { "#8a8f98" };
        writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{}\">{value:.0} µs, {:.1} x</text>",
            LEFT - 8.0,
            y + 15.0,
            LEFT + width + 8.0,
            y + 15.0,
            value / own
        )?;
    }
    Ok(())
}
