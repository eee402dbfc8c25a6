//! Orders, receipts and problems in words. Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use offload_client::{Counts, EtaWindow, Problem, Receipt, ReceiptEta, Status, StatusObject};
use offload_domain::{
    printable::{printable, printable_json},
    status::cut,
};
use serde_json::Value;

use crate::{
    paint::{Paint, table},
    span::{between, in_words},
};

/// `about 12 s, between 9 and 20 s; 37 orders ahead`.
pub(crate) fn eta(eta: &ReceiptEta) -> String {
    let mut text = format!("about {}", in_words(eta.seconds));
    if in_words(eta.p10_seconds) != in_words(eta.p90_seconds) {
        text += &format!(", {}", between(eta.p10_seconds, eta.p90_seconds));
    }
    match eta.queue_depth {
        0 => text += "; no orders ahead",
        n => text += &format!("; {} ahead", count(n, "order")),
    }
    if eta.basis == "configured" {
        text += " (from the configured time: there is no history yet)";
    }
    text
}

/// When an order should be done, as of `now`: `in about 8 s, between 5 and 12 s`.
pub(crate) fn expected(window: &EtaWindow, now: DateTime<Utc>) -> String {
    let seconds = |t: DateTime<Utc>| (t - now).as_seconds_f64();
    let (at, low, high) = (seconds(window.at), seconds(window.earliest_at).max(0.0), seconds(window.latest_at));
    if at <= 0.0 && high <= 0.0 {
        return format!("{} ago: the order is late", in_words(-at));
    }
    let about = if at <= 0.0 { "any moment".to_owned() } else { format!("in about {}", in_words(at)) };
    if in_words(low) == in_words(high) {
        return about;
    }
    if low <= 0.0 { format!("{about}, within {}", in_words(high)) } else { format!("{about}, {}", between(low, high)) }
}

/// What `submit` prints: the receipt in words, and the next command.
pub(crate) fn receipt(receipt: &Receipt, next: &str, paint: Paint) -> String {
    let status = receipt.status.unwrap_or(Status::Pending);
    let mut rows = vec![("order", paint.bold(&receipt.id)), ("status", paint.status(status))];
    if let Some(eta) = &receipt.eta {
        rows.push(("eta", self::eta(eta)));
    }
    rows.extend(receipt.status_url.clone().map(|url| ("status url", url)));
    if let Some(until) = receipt.status_url_expires_at {
        rows.push(("", paint.dim(&format!("expires at {}", until.to_rfc3339_opts(SecondsFormat::Secs, true)))));
    }
    rows.push(("wait for it", next.to_owned()));
    table(&rows, "", paint)
}

/// What `status` prints.
pub(crate) fn status(object: &StatusObject, status_url: Option<&str>, now: DateTime<Utc>, paint: Paint) -> String {
    let mut rows = vec![("order", paint.bold(&object.id)), ("status", status_line(object, paint))];
    if let (Some(progress), false) = (&object.progress, object.done) {
        let message = progress.message.as_deref().map(printable).unwrap_or_default();
        rows.push(("progress", format!("{} % {message}", progress.percent).trim_end().to_owned()));
    }
    if !object.labels.is_empty() {
        let labels = object.labels.iter().map(|(name, value)| printable(&format!("{name}={value}")));
        rows.push(("labels", labels.collect::<Vec<_>>().join(", ")));
    }
    rows.push(("accepted", moment(object.created_at, now)));
    if let Some(started) = object.started_at {
        rows.push(("started", moment(started, now)));
    }
    if let Some(finished) = object.finished_at {
        let took = in_words((finished - object.created_at).as_seconds_f64());
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
    if ago < 0.0 { text } else { format!("{text}, {} ago", in_words(ago)) }
}

/// A result in one line, cut if it is long.
fn short(result: &Value) -> String {
    let text = printable_json(&result.to_string());
    let short = cut(&text, 300);
    if short.len() < text.len() { format!("{short}… (in full: --json)") } else { short }
}

/// The progress of an order in one line.
pub(crate) fn headline(object: Option<&StatusObject>, window: Option<&EtaWindow>, now: DateTime<Utc>) -> String {
    let mut text = object.map_or("pending", |o| o.status.as_str()).to_owned();
    if let Some(progress) = object.and_then(|o| o.progress.as_ref()) {
        text += &format!(" {} %", progress.percent);
        if let Some(message) = progress.message.as_deref().filter(|m| !m.is_empty()) {
            text += &format!(", {}", printable(message));
        }
    }
    if let Some(window) = window {
        text += &format!("; expected {}", expected(window, now));
    }
    text
}

/// How much of the bar to fill: the progress of the work, or else the share of the expected time,
/// which alone never fills it.
pub(crate) fn percent(
    object: Option<&StatusObject>,
    accepted_at: DateTime<Utc>,
    window: Option<&EtaWindow>,
    now: DateTime<Utc>,
) -> u64 {
    if let Some(progress) = object.and_then(|o| o.progress.as_ref()) {
        return u64::from(progress.percent.min(100));
    }
    let Some(window) = window else { return 0 };
    let (passed, whole) = ((now - accepted_at).as_seconds_f64(), (window.at - accepted_at).as_seconds_f64());
    if whole <= 0.0 {
        return 95;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 95 first")]
    let percent = (100.0 * passed / whole).clamp(0.0, 95.0) as u64;
    percent
}

/// A problem: title, detail, each violation, and the request id for the operator.
pub(crate) fn problem(problem: &Problem, paint: Paint) -> String {
    let mut text = paint.red(&printable(&problem.title));
    if let Some(detail) = &problem.detail {
        text += &format!("\n  {}", printable(detail));
    }
    for violation in &problem.errors {
        let pointer = if violation.pointer.is_empty() { "/".to_owned() } else { printable(&violation.pointer) };
        text += &format!("\n  {}: {}", paint.bold(&pointer), printable(&violation.detail));
    }
    if let Some(id) = &problem.request_id {
        text += &format!("\n  {}", paint.dim(&format!("request id {}", printable(id))));
    }
    text
}

/// How status updates were received: `2 polls`, `1 event, 2 polls, 1 renewal`.
pub(crate) fn counts(counts: Counts) -> String {
    let parts = [(counts.events, "event"), (counts.polls, "poll"), (counts.renewals, "renewal")];
    let parts = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(n.into(), noun));
    parts.collect::<Vec<_>>().join(", ")
}

/// `1 order`, `2 orders`.
pub(crate) fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::receipt::example;

    fn plain() -> Paint {
        Paint::new(false)
    }

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
    fn an_eta_is_in_words() {
        let mut e = example().eta.unwrap();
        assert_eq!(eta(&e), "about 12 s, between 9 and 20 s; 37 orders ahead");
        e.queue_depth = 1;
        e.p90_seconds = 200.0;
        assert_eq!(eta(&e), "about 12 s, between 9 s and 3 min 20 s; 1 order ahead");
        e = ReceiptEta { p10_seconds: 12.4, p90_seconds: 12.4, queue_depth: 0, ..e };
        assert_eq!(eta(&e), "about 12 s; no orders ahead");
    }

    #[test]
    fn the_expected_end_is_relative_to_now() {
        let w = processing().eta.unwrap();
        assert_eq!(expected(&w, at(0)), "in about 12 s, between 9 and 20 s");
        assert_eq!(expected(&w, at(10)), "in about 2 s, within 10 s");
        assert_eq!(expected(&w, at(15)), "any moment, within 5 s");
        assert_eq!(expected(&w, at(30)), "18 s ago: the order is late");
    }

    #[test]
    fn a_status_has_its_progress_estimate_and_url() {
        let text = status(&processing(), Some("http://s3/x"), at(5), plain());
        for part in ["processing\n", "40 % packing", "in about 7 s, between 4 and 15 s", "http://s3/x", "5 s ago"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains('\x1b'));
        let coloured = status(&processing(), None, at(5), Paint::new(true));
        assert!(coloured.contains("\x1b[36mprocessing\x1b[0m"));
    }

    #[test]
    fn the_bar_draws_the_progress_of_the_work_or_else_of_time() {
        let (mut object, w) = (processing(), processing().eta);
        assert_eq!(percent(Some(&object), at(0), w.as_ref(), at(6)), 40);
        object.progress = None;
        assert_eq!(percent(Some(&object), at(0), w.as_ref(), at(6)), 50);
        assert_eq!(percent(None, at(0), w.as_ref(), at(600)), 95);
        assert_eq!(percent(None, at(0), None, at(6)), 0);
    }

    #[test]
    fn a_headline_has_what_is_known() {
        let object = processing();
        let line = headline(Some(&object), object.eta.as_ref(), at(5));
        assert_eq!(line, "processing 40 %, packing; expected in about 7 s, between 4 and 15 s");
        assert_eq!(headline(None, None, at(0)), "pending");
    }

    #[test]
    fn a_problem_lists_every_violation_and_steers_no_terminal() {
        let p: Problem = serde_json::from_value(json!({
            "type": "https://x/problems/invalid-order", "title": "The order is not valid", "status": 422,
            "detail": "2 violations\u{1b}[2J", "request_id": "r-1",
            "errors": [
                {"pointer": "/items/0/quantity", "detail": "the value is less than 1"},
                {"pointer": "", "detail": "\"kind\" is missing"},
            ],
        }))
        .unwrap();
        assert_eq!(
            problem(&p, plain()),
            "The order is not valid\n  2 violations [2J\n  /items/0/quantity: the value is less than 1\n  \
             /: \"kind\" is missing\n  request id r-1"
        );
    }

    #[test]
    fn only_the_counts_that_are_not_zero_are_printed() {
        assert_eq!(counts(Counts { polls: 2, renewals: 1, events: 0 }), "2 polls, 1 renewal");
        assert_eq!(counts(Counts { polls: 0, renewals: 0, events: 1 }), "1 event");
    }

    #[test]
    fn a_receipt_names_the_next_command() {
        let text = receipt(&example(), "offload wait X", plain());
        for part in
            ["0198c1f0", "about 12 s", "http://s3/b/k?X-Amz-Signature=s", "offload wait X", "2026-11-20T13:00:00Z"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
