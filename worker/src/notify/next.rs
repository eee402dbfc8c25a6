//! What comes after an attempt. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    backoff::Backoff,
    notification::{Notification, Target},
};

use super::Outcome;

/// Between attempts at an open connection: whoever is there answers at once, and whoever has gone will ask anew.
const CONNECTION: Backoff = Backoff { base: Duration::from_millis(500), max: Duration::from_secs(5) };
const CONNECTION_ATTEMPTS: u32 = 5;
/// Between attempts at a service of the operator's own choosing.
const SERVICE: Backoff = Backoff { base: Duration::from_secs(1), max: Duration::from_secs(900) };
const SERVICE_ATTEMPTS: u32 = 20;
/// An event that is not the last one is soon overtaken: it is tried so often.
const PASSING_ATTEMPTS: u32 = 3;
/// However often it was only put off: after this long an event is given up.
const OLDEST: TimeDelta = TimeDelta::days(5);
/// The longest that a target may ask to be left alone.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(86_400);

/// What becomes of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing more.
    Done,
    /// The target is taken off the list.
    Forget,
    /// It is tried again after a wait.
    Again {
        /// So long.
        wait: Duration,
        /// Whether an attempt was made.
        counts: bool,
    },
    /// It goes to the dead letters.
    GiveUp,
}

/// Decides. `webhook` are the waits after each failed attempt at a webhook; `random` is in `0..1`.
pub(super) fn next(
    webhook: &[Duration],
    notification: &Notification,
    outcome: &Outcome,
    now: DateTime<Utc>,
    random: f64,
) -> Next {
    let is_connection = matches!(notification.target, Target::Connection(_));
    let too_old = now - notification.event.time > OLDEST;
    let failure = match outcome {
        Outcome::Delivered { .. } => return Next::Done,
        Outcome::Gone { .. } => return Next::Forget,
        Outcome::NotNow(_) if too_old => return Next::GiveUp,
        // Spread, so that what waited together does not come together.
        Outcome::NotNow(wait) => return Next::Again { wait: wait.mul_f64(1.0 + random), counts: false },
        Outcome::Refused(_) => return if is_connection { Next::Forget } else { Next::GiveUp },
        Outcome::Failed(failure) => failure,
    };
    let made = notification.attempts + 1;
    let wait = match &notification.target {
        Target::Connection(_) if made >= CONNECTION_ATTEMPTS => return Next::Forget,
        Target::Connection(_) => CONNECTION.delay(made, random),
        _ if too_old || (!notification.event.data.done && made >= PASSING_ATTEMPTS) => return Next::GiveUp,
        Target::Webhook { .. } => match webhook.get(made as usize - 1) {
            // A tenth more at most, by chance.
            Some(wait) => wait.mul_f64(1.0 + random / 10.0),
            None => return Next::GiveUp,
        },
        _ if made >= SERVICE_ATTEMPTS => return Next::GiveUp,
        _ => SERVICE.delay(made, random),
    };
    let asked = failure.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
    Next::Again { wait: wait.max(asked), counts: true }
}

#[cfg(test)]
mod tests {
    use offload_domain::{
        event::StatusEvent,
        id::OrderId,
        notification::{Holder, OpenConnection},
    };
    use serde_json::json;

    use super::{super::Failure, *};

    fn notification(target: Target, done: bool) -> Notification {
        let at = DateTime::UNIX_EPOCH;
        let id = OrderId::new(at);
        let status = if done { "completed" } else { "processing" };
        let object = json!({"id": id, "status": status, "done": done, "revision": 3, "attempt": 1,
            "created_at": "1970-01-01T00:00:00.000Z", "updated_at": "1970-01-01T00:00:00.000Z", "progress": null, "eta": null,
            "poll_after_ms": null, "result": null, "result_url": null, "error": null, "renew": "https://api.example/order/x"});
        let event = StatusEvent::of(serde_json::from_value(object).unwrap());
        Notification { v: 1, target, event, attempts: 0, not_before: None }
    }

    fn failed(retry_after: Option<Duration>) -> Outcome {
        Outcome::Failed(Failure { status: Some(503), error: "x".into(), retry_after })
    }

    fn webhook() -> Target {
        Target::Webhook { url: "https://hooks.example/".into() }
    }

    /// The waits by default: the schedule that Standard Webhooks recommends.
    fn schedule() -> Vec<Duration> {
        let default = offload_service::settings::catalogue::WEBHOOK_RETRY_SECONDS.default.unwrap();
        default.split(',').map(|s| Duration::from_secs(s.parse().unwrap())).collect()
    }

    /// Plays a delivery against a target on a clock of its own, until it has ended: when it did, and after how many attempts.
    fn play(mut n: Notification, target: impl Fn(Duration) -> Outcome) -> (Next, Duration, u32) {
        let (schedule, mut elapsed) = (schedule(), Duration::ZERO);
        loop {
            let now = DateTime::UNIX_EPOCH + elapsed;
            match next(&schedule, &n, &target(elapsed), now, 0.5) {
                Next::Again { wait, counts } => {
                    n.attempts += u32::from(counts);
                    elapsed += wait;
                }
                end => return (end, elapsed, n.attempts + 1),
            }
        }
    }

    #[test]
    fn a_webhook_that_is_down_for_an_hour_gets_its_event() {
        let hour = Duration::from_secs(3_600);
        let down = |at: Duration| if at < hour { failed(None) } else { Outcome::Delivered { status: 200 } };
        let (end, at, attempts) = play(notification(webhook(), true), down);
        assert_eq!((end, attempts), (Next::Done, 5));
        assert!(at >= hour && at < 3 * hour, "{at:?}");
    }

    #[test]
    fn a_webhook_that_never_answers_is_given_up_after_three_days() {
        let (end, at, attempts) = play(notification(webhook(), true), |_| failed(None));
        assert_eq!((end, attempts), (Next::GiveUp, 10));
        assert!((3..4).contains(&(at.as_secs() / 86_400)), "{at:?}");
    }

    #[test]
    fn putting_off_is_no_attempt_but_ends_too() {
        let (end, at, attempts) = play(notification(webhook(), true), |_| Outcome::NotNow(Duration::from_secs(900)));
        assert_eq!((end, attempts), (Next::GiveUp, 1));
        assert_eq!(at.as_secs() / 86_400, 5);
    }

    #[test]
    fn an_event_that_is_soon_overtaken_is_not_tried_for_days() {
        let (end, at, attempts) = play(notification(webhook(), false), |_| failed(None));
        assert_eq!((end, attempts), (Next::GiveUp, 3));
        assert!(at < Duration::from_secs(600), "{at:?}");
    }

    #[test]
    fn a_target_may_ask_for_more_time_but_not_for_ever() {
        let asks = |seconds| failed(Some(Duration::from_secs(seconds)));
        let wait =
            |outcome| match next(&schedule(), &notification(webhook(), true), &outcome, DateTime::UNIX_EPOCH, 0.0) {
                Next::Again { wait, counts: true } => wait.as_secs(),
                other => panic!("{other:?}"),
            };
        assert_eq!((wait(asks(60)), wait(asks(1)), wait(asks(u64::MAX))), (60, 5, 86_400));
    }

    #[test]
    fn a_connection_is_soon_forgotten_and_never_a_dead_letter() {
        let (holder, endpoint) = (Holder::ApiServer, "http://gone".into());
        let target = Target::Connection(OpenConnection { holder, endpoint, id: "c".into() });
        let (end, at, _) = play(notification(target.clone(), true), |_| failed(None));
        assert_eq!(end, Next::Forget);
        assert!(at < Duration::from_secs(30), "{at:?}");
        let (end, ..) = play(notification(target, true), |_| Outcome::Gone { status: 410 });
        assert_eq!(end, Next::Forget);
    }
}
