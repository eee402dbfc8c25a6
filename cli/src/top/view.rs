//! The screen of `top`.

use offload_domain::printable::printable;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Text},
    widgets::{Block, Clear, Paragraph, Row, Sparkline, Table, TableState},
};
use serde_json::Value;

use super::state::{Dialog, Page, State};

const KEYS: &str = "\
j k      select            enter   print the order
/        filter            g o h d w   open, all, dead, workers
c        cancel            r       redrive
p        pause             q       quit
Each that acts asks first.";

pub(super) fn draw(state: &State, frame: &mut Frame<'_>) {
    let [head, figures, list, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(5), Constraint::Min(3), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(Line::from(header(state)).style(Style::new().add_modifier(Modifier::BOLD)), head);
    draw_figures(state, frame, figures);
    draw_list(state, frame, list);
    frame.render_widget(Line::from(footer(state)), foot);
    draw_dialog(state, frame);
}

fn header(state: &State) -> String {
    let at = state.counts["as_of"].as_str().unwrap_or("-");
    let hold = if state.is_on_hold() { "  paused" } else { "" };
    let page = match state.page() {
        Page::Orders => format!("orders {}", state.filter()),
        Page::Workers => "workers".to_owned(),
    };
    printable(&format!("status-offload  {page}  as of {at}{hold}"))
}

fn footer(state: &State) -> String {
    let banner = state.counts["banners"][0]["detail"].as_str();
    let text = match &state.dialog {
        Dialog::Filter(text) => format!("filter: {text}_"),
        Dialog::Confirm { verb, id } => format!("{verb} {id}? enter or y"),
        Dialog::Go => "go to: o open, h all, d dead, w workers".to_owned(),
        _ if !state.message.is_empty() => state.message.clone(),
        _ => banner.map_or_else(|| "? for the keys".to_owned(), |text| format!("! {text}")),
    };
    printable(&text)
}

fn draw_figures(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let counts = &state.counts;
    let number = |value: &Value| value.as_f64().map_or_else(|| "?".to_owned(), |n| format!("{n}"));
    let boxes = [
        ("accepted/min", &counts["minutes"]["accepted"], last(&counts["minutes"]["accepted"])),
        ("completed/min", &counts["minutes"]["completed"], last(&counts["minutes"]["completed"])),
        ("waiting", &counts["minutes"]["waiting"], number(&counts["waiting"])),
        ("running", &counts["minutes"]["running"], number(&counts["running"])),
        ("dead", &counts["minutes"]["dead"], number(&counts["dead"]["count"])),
    ];
    let areas = Layout::horizontal([Constraint::Fill(1); 5]).split(area);
    for ((title, series, value), area) in boxes.into_iter().zip(areas.iter()) {
        let block = Block::bordered().title(format!("{title} {value}"));
        let inner = block.inner(*area);
        frame.render_widget(block, *area);
        let values: Vec<u64> = series.as_array().into_iter().flatten().map(whole).collect();
        let hidden = values.len().saturating_sub(usize::from(inner.width));
        frame.render_widget(Sparkline::default().data(&values[hidden..]), inner);
    }
}

fn last(series: &Value) -> String {
    series.as_array().and_then(|all| all.last()).map_or_else(|| "?".to_owned(), |n| whole(n).to_string())
}

/// A count, or nothing where it is not known.
fn whole(n: &Value) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count; `as` saturates")]
    let n = n.as_f64().unwrap_or_default() as u64;
    n
}

fn draw_list(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => printable(text),
        other => other.to_string(),
    };
    let (titles, members): (&[&str], &[&str]) = match state.page() {
        Page::Orders => (
            &["order", "tenant", "status", "kind", "attempt", "accepted", "progress"],
            &["/id", "/tenant", "/status", "/kind", "/attempt", "/created_at", "/progress/percent"],
        ),
        Page::Workers => (
            &["worker", "alive", "running", "of", "a minute", "version"],
            &["/name", "/alive", "/running", "/concurrency", "/finished_a_minute", "/version"],
        ),
    };
    let cell = |row: &Value, member: &str| row.pointer(member).map(text).unwrap_or_default();
    let rows = state.rows().iter().map(|row| {
        let style = match row["status"].as_str() {
            Some("failed") => Style::new().fg(Color::Red),
            Some("processing") => Style::new().fg(Color::Cyan),
            _ => Style::new(),
        };
        Row::new(members.iter().map(|member| cell(row, member)).collect::<Vec<_>>()).style(style)
    });
    let widths =
        members.iter().enumerate().map(|(n, _)| if n == 0 { Constraint::Length(38) } else { Constraint::Fill(1) });
    let header = Row::new(titles.iter().copied()).style(Style::new().add_modifier(Modifier::DIM));
    let table = Table::new(rows, widths).header(header);
    let table = table.row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut place = TableState::default().with_selected(Some(state.selected()));
    frame.render_stateful_widget(table, area, &mut place);
}

fn draw_dialog(state: &State, frame: &mut Frame<'_>) {
    let (title, text) = match &state.dialog {
        Dialog::Help => ("keys", KEYS.to_owned()),
        Dialog::Order(order) => ("order", serde_json::to_string_pretty(order).unwrap_or_default()),
        _ => return,
    };
    let lines: Vec<Line<'_>> = text.lines().map(|line| Line::from(printable(line))).collect();
    let area = frame.area();
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let width = area.width.min(76);
    let area = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(Text::from(lines)).block(Block::bordered().title(title)), area);
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};
    use serde_json::json;

    use super::*;

    fn screen(state: &State, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(state, frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn figures_orders_and_banners_are_on_the_screen() {
        let counts = json!({
            "as_of": "2026-11-27T12:00:00.000Z", "waiting": 12, "running": 4, "dead": {"count": 3},
            "minutes": {"accepted": [0.0, 7.0]}, "banners": [{"detail": "no worker is running"}],
        });
        let order = json!({"id": "0198", "status": "failed", "kind": "report\u{1b}[2J", "attempt": 2});
        let mut state = State::new("state:dead", json!({}));
        state.update(counts, json!({"orders": [order]}));
        let text = screen(&state, 120, 24);
        for part in
            ["waiting 12", "running 4", "dead 3", "accepted/min 7", "0198", "! no worker is running", "state:dead"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
        for (width, height) in [(1, 1), (20, 5), (300, 80)] {
            screen(&state, width, height);
        }
        state.dialog = Dialog::Help;
        assert!(screen(&state, 80, 24).contains("Each that acts asks first."));
    }
}
