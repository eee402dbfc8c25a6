//! What comes after an attempt. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{backoff::Backoff, notification::Notification};

use super::attempt::AttemptResult;

/// Between attempts at an open connection: a server that still has it answers at once, and a client
/// that has left subscribes anew.
const CONNECTION: Backoff = Backoff { base: Duration::from_millis(500), max: Duration::from_secs(5) };
const CONNECTION_ATTEMPTS: u32 = 5;
/// Between attempts at a service that the operator has chosen.
const SERVICE: Backoff = Backoff { base: Duration::from_secs(1), max: Duration::from_secs(900) };
const SERVICE_ATTEMPTS: u32 = 20;
/// An event that is not the order's last one is soon outdated: it is tried this often.
const OUTDATED_ATTEMPTS: u32 = 3;
/// The age at which an event is dead-lettered, however often it was only deferred.
const EVENT_MAX_AGE: TimeDelta = TimeDelta::days(5);
/// The longest that a target may ask us to wait.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(86_400);

/// How often, and how long apart, a channel tries.
#[derive(Debug, Clone, Copy)]
pub(super) enum RetryPolicy<'a> {
    /// A few times within seconds; then the connection has left.
    Connection,
    /// After each of these waits.
    Schedule(&'a [Duration]),
    /// With a growing wait, for some hours.
    Service,
    /// Once: who tests a receiver reads what came of it.
    Once,
}

/// How many webhooks are tried again at once.
pub(super) fn retry_permits(webhook_permits: usize) -> usize {
    (webhook_permits / 4).max(1)
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: the event was delivered.
    Done,
    /// The target no longer exists: its subscription is removed.
    Unsubscribe,
    /// Another attempt.
    Retry {
        /// After this wait.
        wait: Duration,
        /// Whether an attempt was made.
        counts: bool,
    },
    /// The notification goes to the dead-letter queue.
    DeadLetter,
}

/// Decides. `random` is in `0..1`.
pub(super) fn next(
    policy: RetryPolicy<'_>,
    notification: &Notification,
    attempted: &AttemptResult,
    now: DateTime<Utc>,
    random: f64,
) -> Next {
    let too_old = now - notification.event.time > EVENT_MAX_AGE;
    let failure = match attempted {
        AttemptResult::Delivered { .. } => return Next::Done,
        AttemptResult::Gone { .. } => return Next::Unsubscribe,
        AttemptResult::Deferred(_) if too_old => return exhausted(policy),
        // Spread, so that what was deferred together does not come back together.
        AttemptResult::Deferred(wait) => return Next::Retry { wait: wait.mul_f64(1.0 + random), counts: false },
        AttemptResult::Refused(_) => return exhausted(policy),
        AttemptResult::Failed(failure) => failure,
    };
    let made = notification.attempts + 1;
    let outdated = !notification.event.data.done && made >= OUTDATED_ATTEMPTS;
    let wait = match policy {
        RetryPolicy::Connection => (made < CONNECTION_ATTEMPTS).then(|| CONNECTION.delay(made, random)),
        _ if too_old || outdated => None,
        // A tenth more at most, by chance.
        RetryPolicy::Schedule(waits) => waits.get(made as usize - 1).map(|wait| wait.mul_f64(1.0 + random / 10.0)),
        RetryPolicy::Once => None,
        RetryPolicy::Service => (made < SERVICE_ATTEMPTS).then(|| SERVICE.delay(made, random)),
    };
    let Some(wait) = wait else { return exhausted(policy) };
    let requested = failure.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
    Next::Retry { wait: wait.max(requested), counts: true }
}

/// What comes after the last attempt. A connection that cannot be reached is no dead letter: its
/// client reconnects and gets the current status. Nor is a test.
fn exhausted(policy: RetryPolicy<'_>) -> Next {
    match policy {
        RetryPolicy::Connection => Next::Unsubscribe,
        RetryPolicy::Schedule(_) | RetryPolicy::Service => Next::DeadLetter,
        RetryPolicy::Once => Next::Done,
    }
}

#[cfg(test)]
mod tests {
    use offload_domain::{notification::Target, status::Status, tenant::Tenant};

    use super::{super::attempt::Failure, super::testing, *};

    fn notification(status: Status) -> Notification {
        let event = testing::event(status);
        Notification::new(Target::Topic, event, Tenant::default())
    }

    fn failed(retry_after: Option<Duration>) -> AttemptResult {
        AttemptResult::Failed(Failure { status: Some(503), error: "x".into(), retry_after })
    }

    /// The waits by default: the schedule that Standard Webhooks recommends.
    fn schedule() -> Vec<Duration> {
        let default = offload_service::settings::catalogue::WEBHOOK_RETRY_SECONDS.default.unwrap();
        default.split(',').map(|s| Duration::from_secs(s.parse().unwrap())).collect()
    }

    /// Plays a delivery against a target on a clock of its own until it has ended: how, when, and
    /// after how many attempts.
    fn play(
        policy: RetryPolicy<'_>,
        status: Status,
        target: impl Fn(Duration) -> AttemptResult,
    ) -> (Next, Duration, u32) {
        let (mut notification, mut elapsed) = (notification(status), Duration::ZERO);
        loop {
            let now = DateTime::UNIX_EPOCH + elapsed;
            match next(policy, &notification, &target(elapsed), now, 0.5) {
                Next::Retry { wait, counts } => {
                    notification.attempts += u32::from(counts);
                    elapsed += wait;
                }
                end => return (end, elapsed, notification.attempts + 1),
            }
        }
    }

    fn play_webhook(status: Status, target: impl Fn(Duration) -> AttemptResult) -> (Next, Duration, u32) {
        play(RetryPolicy::Schedule(&schedule()), status, target)
    }

    #[test]
    fn a_webhook_that_is_down_for_an_hour_gets_its_event() {
        let hour = Duration::from_secs(3_600);
        let down = |at: Duration| if at < hour { failed(None) } else { AttemptResult::Delivered { status: 200 } };
        let (end, at, attempts) = play_webhook(Status::Completed, down);
        assert_eq!((end, attempts), (Next::Done, 5));
        assert!(at >= hour && at < 3 * hour, "{at:?}");
    }

    #[test]
    fn a_webhook_that_never_answers_is_dead_lettered_after_three_days() {
        let (end, at, attempts) = play_webhook(Status::Completed, |_| failed(None));
        assert_eq!((end, attempts), (Next::DeadLetter, 10));
        assert!((3..4).contains(&(at.as_secs() / 86_400)), "{at:?}");
    }

    #[test]
    fn a_deferral_is_no_attempt_but_does_not_go_on_for_ever() {
        let deferred = |_| AttemptResult::Deferred(Duration::from_secs(900));
        let (end, at, attempts) = play_webhook(Status::Completed, deferred);
        assert_eq!((end, attempts), (Next::DeadLetter, 1));
        assert_eq!(at.as_secs() / 86_400, 5);
    }

    #[test]
    fn an_event_that_is_soon_outdated_is_not_tried_for_days() {
        let (end, at, attempts) = play_webhook(Status::Processing, |_| failed(None));
        assert_eq!((end, attempts), (Next::DeadLetter, 3));
        assert!(at < Duration::from_secs(600), "{at:?}");
    }

    #[test]
    fn a_target_may_ask_for_more_time_but_not_for_ever() {
        let schedule = schedule();
        let wait = |seconds| {
            let attempted = failed(Some(Duration::from_secs(seconds)));
            let policy = RetryPolicy::Schedule(&schedule);
            match next(policy, &notification(Status::Completed), &attempted, DateTime::UNIX_EPOCH, 0.0) {
                Next::Retry { wait, counts: true } => wait.as_secs(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((wait(60), wait(1), wait(u64::MAX)), (60, 5, 86_400));
    }

    #[test]
    fn a_connection_is_soon_unsubscribed_and_never_a_dead_letter() {
        let (end, at, _) = play(RetryPolicy::Connection, Status::Completed, |_| failed(None));
        assert_eq!(end, Next::Unsubscribe);
        assert!(at < Duration::from_secs(30), "{at:?}");
        let (end, ..) = play(RetryPolicy::Connection, Status::Completed, |_| AttemptResult::Gone { status: 410 });
        assert_eq!(end, Next::Unsubscribe);
    }

    #[test]
    fn a_test_is_tried_once_and_never_a_dead_letter() {
        let (end, at, attempts) = play(RetryPolicy::Once, Status::Pending, |_| failed(None));
        assert_eq!((end, at, attempts), (Next::Done, Duration::ZERO, 1));
        let deferred = |_| AttemptResult::Deferred(Duration::from_secs(900));
        assert_eq!(play(RetryPolicy::Once, Status::Pending, deferred).0, Next::Done);
    }

    #[test]
    fn a_service_is_tried_for_hours() {
        let (end, at, attempts) = play(RetryPolicy::Service, Status::Completed, |_| failed(None));
        assert_eq!((end, attempts), (Next::DeadLetter, 20));
        assert!(at > Duration::from_secs(3_600), "{at:?}");
    }
}
