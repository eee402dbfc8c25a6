//! Everything that people read, as pure functions from values to text.

use chrono::{DateTime, SecondsFormat, Utc};
use offload_client::{EtaWindow, Problem, Receipt, ReceiptEta, Status, StatusObject};
use serde_json::Value;

/// Colours, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint(bool);

impl Paint {
    pub(crate) fn new(colours: bool) -> Self {
        Self(colours)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.ansi("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.ansi("2", text)
    }

    fn red(self, text: &str) -> String {
        self.ansi("31", text)
    }

    pub(crate) fn status(self, status: Status) -> String {
        let colour = match status {
            Status::Pending => "33",
            Status::Processing => "36",
            Status::Completed => "32",
            Status::Failed => "31",
            Status::Cancelled => "35",
        };
        self.ansi(colour, status.as_str())
    }

    fn ansi(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Lines of a label and a text, the texts under each other.
pub(crate) fn table(rows: &[(&str, String)], indent: &str, paint: Paint) -> String {
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let line = |(label, text): &(&str, String)| format!("{indent}{}  {text}\n", paint.dim(&format!("{label:width$}")));
    rows.iter().map(line).collect()
}

/// A time span in words: `0.8 s`, `12 s`, `2 min 5 s`, `1 h 12 min`.
pub(crate) fn words(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    if seconds < 9.95 {
        let tenths = format!("{seconds:.1}");
        return format!("{} s", tenths.strip_suffix(".0").unwrap_or(&tenths));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and `as` saturates")]
    let whole = seconds.round() as u64;
    let two = |big: u64, unit: &str, small: u64, sub: &str| {
        if small == 0 { format!("{big} {unit}") } else { format!("{big} {unit} {small} {sub}") }
    };
    match whole {
        0..120 => format!("{whole} s"),
        120..3_600 => two(whole / 60, "min", whole % 60, "s"),
        3_600..172_800 => two(whole / 3_600, "h", whole % 3_600 / 60, "min"),
        _ => two(whole / 86_400, "days", whole % 86_400 / 3_600, "h"),
    }
}

/// `between 9 and 20 s`.
fn between(low: f64, high: f64) -> String {
    let (low, high) = (words(low), words(high));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, unit)), Some((_, same))) if unit == same => format!("between {number} and {high}"),
        _ => format!("between {low} and {high}"),
    }
}

/// `about 12 s, between 9 and 20 s; 37 orders ahead`.
pub(crate) fn eta(eta: &ReceiptEta) -> String {
    let mut text = format!("about {}", words(eta.seconds));
    if words(eta.p10_seconds) != words(eta.p90_seconds) {
        text += &format!(", {}", between(eta.p10_seconds, eta.p90_seconds));
    }
    match eta.queue_depth {
        None => {}
        Some(0) => text += "; no orders ahead",
        Some(1) => text += "; 1 order ahead",
        Some(n) => text += &format!("; {n} orders ahead"),
    }
    if eta.basis.as_deref() == Some("configured") {
        text += " (by the configured time: there is no history yet)";
    }
    text
}

/// When an order should be done, seen from `now`: `in about 8 s, between 5 and 12 s`.
pub(crate) fn expected(window: &EtaWindow, now: DateTime<Utc>) -> String {
    let seconds = |t: DateTime<Utc>| (t - now).as_seconds_f64();
    let (at, low, high) = (seconds(window.at), seconds(window.earliest_at).max(0.0), seconds(window.latest_at));
    if at <= 0.0 && high <= 0.0 {
        return format!("{} ago: it is late", words(-at));
    }
    let about = if at <= 0.0 { "any moment".to_owned() } else { format!("in about {}", words(at)) };
    if words(low) == words(high) {
        return about;
    }
    if low <= 0.0 { format!("{about}, within {}", words(high)) } else { format!("{about}, {}", between(low, high)) }
}

/// What `submit` tells: the receipt in words and what to do next.
pub(crate) fn receipt(receipt: &Receipt, next: &str, paint: Paint) -> String {
    let status = receipt.status.unwrap_or(Status::Pending);
    let mut rows = vec![("order", paint.bold(&receipt.id)), ("status", paint.status(status))];
    if let Some(eta) = &receipt.eta {
        rows.push(("eta", self::eta(eta)));
    }
    rows.extend(receipt.status_url.clone().map(|url| ("status url", url)));
    if let Some(until) = receipt.status_url_expires_at {
        rows.push(("", paint.dim(&format!("works until {}", until.to_rfc3339_opts(SecondsFormat::Secs, true)))));
    }
    rows.push(("wait for it", next.to_owned()));
    table(&rows, "", paint)
}

/// The readable card of an order.
pub(crate) fn card(object: &StatusObject, status_url: Option<&str>, now: DateTime<Utc>, paint: Paint) -> String {
    let mut rows = vec![("order", paint.bold(&object.id)), ("status", status_line(object, paint))];
    if let (Some(progress), false) = (&object.progress, object.done) {
        let message = progress.message.as_deref().map(clean).unwrap_or_default();
        rows.push(("progress", format!("{} % {message}", progress.percent).trim_end().to_owned()));
    }
    rows.push(("accepted", moment(object.created_at, now)));
    if let Some(started) = object.started_at {
        rows.push(("started", moment(started, now)));
    }
    if let Some(finished) = object.finished_at {
        let took = words((finished - object.created_at).as_seconds_f64());
        rows.push(("finished", format!("{}, {took} after it was accepted", moment(finished, now))));
    }
    if let Some(window) = &object.eta {
        rows.push(("expected", expected(window, now)));
    }
    if let Some(result) = &object.result {
        rows.push(("result", short(result)));
    }
    if let Some(url) = &object.result_url {
        rows.push(("result url", url.clone()));
    }
    if let (Some(url), false) = (status_url, object.done) {
        rows.push(("status url", url.to_owned()));
    }
    let mut text = table(&rows, "", paint);
    if let Some(error) = &object.error {
        text += &format!("\n{}\n", problem(error, paint));
    }
    text
}

fn status_line(object: &StatusObject, paint: Paint) -> String {
    let status = paint.status(object.status);
    if object.attempt > 1 { format!("{status} (attempt {})", object.attempt) } else { status }
}

fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let ago = (now - at).as_seconds_f64();
    let text = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    if ago < 0.0 { text } else { format!("{text}, {} ago", words(ago)) }
}

/// A result in one line, cut where it is long.
fn short(result: &Value) -> String {
    let text = result.to_string();
    let cut = offload_domain::status::cut(&text, 300);
    if cut.len() < text.len() { format!("{cut}… (all of it: --json)") } else { cut }
}

/// One line on where an order stands, for people who wait.
pub(crate) fn headline(object: Option<&StatusObject>, window: Option<&EtaWindow>, now: DateTime<Utc>) -> String {
    let mut text = object.map_or("pending", |o| o.status.as_str()).to_owned();
    if let Some(progress) = object.and_then(|o| o.progress.as_ref()) {
        text += &format!(" {} %", progress.percent);
        if let Some(message) = progress.message.as_deref().filter(|m| !m.is_empty()) {
            text += &format!(", {}", clean(message));
        }
    }
    if let Some(window) = window {
        text += &format!("; expected {}", expected(window, now));
    }
    text
}

/// How much of the bar to fill: what the work itself says, or else the share of the expected time, which alone never
/// fills it.
pub(crate) fn filled(
    object: Option<&StatusObject>,
    from: DateTime<Utc>,
    window: Option<&EtaWindow>,
    now: DateTime<Utc>,
) -> u64 {
    if let Some(progress) = object.and_then(|o| o.progress.as_ref()) {
        return u64::from(progress.percent.min(100));
    }
    let Some(window) = window else { return 0 };
    let (gone, whole) = ((now - from).as_seconds_f64(), (window.at - from).as_seconds_f64());
    if whole <= 0.0 {
        return 95;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 95 first")]
    let percent = (100.0 * gone / whole).clamp(0.0, 95.0) as u64;
    percent
}

/// A problem: title, detail, each fault, and the request to ask the operator about.
pub(crate) fn problem(problem: &Problem, paint: Paint) -> String {
    let mut text = paint.red(&clean(&problem.title));
    if let Some(detail) = &problem.detail {
        text += &format!("\n  {}", clean(detail));
    }
    for fault in &problem.errors {
        let place = if fault.pointer.is_empty() { "(the whole)".to_owned() } else { clean(&fault.pointer) };
        text += &format!("\n  {}: {}", paint.bold(&place), clean(&fault.detail));
    }
    if let Some(id) = &problem.request_id {
        text += &format!("\n  {}", paint.dim(&format!("request id {}", clean(id))));
    }
    text
}

/// Text from elsewhere without what would steer a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `1 look`, `2 looks`.
pub(crate) fn looks(n: u32) -> String {
    if n == 1 { "1 look".to_owned() } else { format!("{n} looks") }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::receipt::example;

    const PLAIN: Paint = Paint(false);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn processing() -> StatusObject {
        serde_json::from_value(json!({
            "id": "0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f", "status": "processing", "done": false, "revision": 2, "generation": 1, "attempt": 1,
            "created_at": at(0), "updated_at": at(4), "started_at": at(4), "finished_at": null,
            "progress": {"percent": 40, "message": "packing"},
            "eta": {"at": at(12), "earliest_at": at(9), "latest_at": at(20)}, "poll_after_ms": 7600,
            "result": null, "result_url": null, "result_url_expires_at": null, "error": null, "renew": "http://api/order/x"
        }))
        .unwrap()
    }

    #[test]
    fn a_time_span_is_told_in_the_units_that_matter() {
        for (seconds, text) in [
            (-1.0, "0 s"),
            (0.84, "0.8 s"),
            (2.0, "2 s"),
            (9.96, "10 s"),
            (12.4, "12 s"),
            (119.0, "119 s"),
            (125.0, "2 min 5 s"),
            (3_599.6, "1 h"),
            (4_320.0, "1 h 12 min"),
            (200_000.0, "2 days 7 h"),
            (f64::NAN, "0 s"),
        ] {
            assert_eq!(words(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn an_eta_is_told_in_words() {
        let mut e = example().eta.unwrap();
        assert_eq!(eta(&e), "about 12 s, between 9 and 20 s; 37 orders ahead");
        e.queue_depth = Some(1);
        e.p90_seconds = 200.0;
        assert_eq!(eta(&e), "about 12 s, between 9 s and 3 min 20 s; 1 order ahead");
        e = ReceiptEta { p10_seconds: 12.4, p90_seconds: 12.4, queue_depth: Some(0), ..e };
        assert_eq!(eta(&e), "about 12 s; no orders ahead");
    }

    #[test]
    fn what_is_expected_is_told_from_now() {
        let w = EtaWindow { at: at(12), earliest_at: at(9), latest_at: at(20) };
        assert_eq!(expected(&w, at(0)), "in about 12 s, between 9 and 20 s");
        assert_eq!(expected(&w, at(10)), "in about 2 s, within 10 s");
        assert_eq!(expected(&w, at(15)), "any moment, within 5 s");
        assert_eq!(expected(&w, at(30)), "18 s ago: it is late");
    }

    #[test]
    fn a_card_says_where_an_order_stands() {
        let text = card(&processing(), Some("http://s3/x"), at(5), PLAIN);
        for part in ["processing\n", "40 % packing", "in about 7 s, between 4 and 15 s", "http://s3/x", "5 s ago"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains('\x1b'));
        let coloured = card(&processing(), None, at(5), Paint(true));
        assert!(coloured.contains("\x1b[36mprocessing\x1b[0m"));
    }

    #[test]
    fn the_bar_follows_the_work_and_else_the_clock() {
        let (mut object, w) = (processing(), processing().eta);
        assert_eq!(filled(Some(&object), at(0), w.as_ref(), at(6)), 40);
        object.progress = None;
        assert_eq!(filled(Some(&object), at(0), w.as_ref(), at(6)), 50);
        assert_eq!(filled(None, at(0), w.as_ref(), at(600)), 95);
        assert_eq!(filled(None, at(0), None, at(6)), 0);
    }

    #[test]
    fn a_headline_fits_what_is_known() {
        let object = processing();
        let line = headline(Some(&object), object.eta.as_ref(), at(5));
        assert_eq!(line, "processing 40 %, packing; expected in about 7 s, between 4 and 15 s");
        assert_eq!(headline(None, None, at(0)), "pending");
    }

    #[test]
    fn a_problem_tells_every_fault_and_cannot_steer_the_terminal() {
        let p: Problem = serde_json::from_value(json!({
            "type": "https://x/problems/invalid-order", "title": "The order is not valid", "status": 422,
            "detail": "2 faults\u{1b}[2J", "request_id": "r-1",
            "errors": [
                {"pointer": "/items/0/quantity", "detail": "the value is less than 1"},
                {"pointer": "", "detail": "\"kind\" is missing"},
            ],
        }))
        .unwrap();
        assert_eq!(
            problem(&p, PLAIN),
            "The order is not valid\n  2 faults [2J\n  /items/0/quantity: the value is less than 1\n  \
             (the whole): \"kind\" is missing\n  request id r-1"
        );
    }

    #[test]
    fn a_receipt_names_the_next_command() {
        let text = receipt(&example(), "offload wait X", PLAIN);
        for part in
            ["0198c1f0", "about 12 s", "http://s3/b/k?X-Amz-Signature=s", "offload wait X", "2026-11-20T13:00:00Z"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
