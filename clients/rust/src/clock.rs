//! The service's clock, estimated from its responses.
//!
//! A client's clock may be minutes off, while the times in a status object are absolute. Each
//! response that carries a time of the service bounds how far the service's clock is ahead of ours.
//! The bounds of several responses are intersected.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// The clock is read at least this often while sleeping: the timers of a machine that was suspended
/// count only the time that it was awake.
const SLICE: Duration = Duration::from_secs(10);

/// How far the service's clock is ahead of ours: at least, and at most. Unknown at first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Clock(Option<(TimeDelta, TimeDelta)>);

/// When, by our own clock, a request was sent and its response received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    /// Before the request was sent.
    pub(crate) sent_at: DateTime<Utc>,
    /// After the head of the response was received.
    pub(crate) received_at: DateTime<Utc>,
}

impl Clock {
    /// The clock after an exchange during which the service's clock was between `from` and `to`.
    pub(crate) fn observe(self, exchange: Exchange, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let (least, most) = (from - exchange.received_at, to - exchange.sent_at);
        if least > most {
            return self;
        }
        let both = self.0.map(|(l, m)| (l.max(least), m.min(most))).filter(|(l, m)| l <= m);
        // They exclude each other when a clock has been set in between: then the latest is right.
        Self(Some(both.unwrap_or((least, most))))
    }

    /// The clock after a response with this `Date`, which is truncated to its second.
    pub(crate) fn observe_date(self, exchange: Exchange, date: DateTime<Utc>) -> Self {
        self.observe(exchange, date, date + TimeDelta::milliseconds(999))
    }

    /// Whether any response has carried a time.
    pub(crate) fn is_known(self) -> bool {
        self.0.is_some()
    }

    /// The service's time when ours is `local`. Ours counts as right unless it is known to be
    /// wrong.
    pub(crate) fn service_time(self, local: DateTime<Utc>) -> DateTime<Utc> {
        match self.0 {
            Some((least, most)) if least > TimeDelta::zero() || most < TimeDelta::zero() => local + (least + most) / 2,
            _ => local,
        }
    }
}

/// The time by this machine's clock.
#[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the clock")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A number in `[0, 1)`, for jitter.
#[expect(clippy::disallowed_methods, reason = "the one place of this crate that draws a number")]
pub(crate) fn unit_random() -> f64 {
    rand::random()
}

/// Sleeps until `wait` has passed, by timers or by the clock, whichever is first.
pub(crate) async fn sleep(wait: Duration) {
    let (start, end) = (now(), Instant::now() + wait);
    loop {
        let slept = (now() - start).to_std().unwrap_or_default();
        let left = end.saturating_duration_since(Instant::now()).min(wait.saturating_sub(slept));
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(SLICE)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
    }

    fn exchange(sent: i64, received: i64) -> Exchange {
        Exchange { sent_at: at(sent), received_at: at(received) }
    }

    #[test]
    fn a_clock_that_may_be_right_counts_as_right() {
        let clock = Clock::default().observe_date(exchange(1_900, 2_100), at(1_000));
        assert_eq!(clock.service_time(at(5_000)), at(5_000));
        assert!(clock.is_known());
    }

    #[test]
    fn a_clock_that_is_off_is_corrected_better_by_each_response() {
        let clock = Clock::default().observe_date(exchange(0, 200), at(600_000));
        assert_eq!((clock.service_time(at(0)) - at(0)).num_milliseconds(), 600_399);
        // Half a second later the service's second is the next one: that narrows it down.
        let clock = clock.observe_date(exchange(700, 720), at(601_000));
        let off = clock.service_time(at(0)) - at(0);
        assert!((off.num_milliseconds() - 600_640).abs() < 400, "{off}");
    }

    #[test]
    fn a_clock_that_was_set_is_estimated_anew() {
        let clock = Clock::default().observe_date(exchange(0, 10), at(0)).observe_date(exchange(0, 10), at(60_000));
        assert_eq!((clock.service_time(at(0)) - at(0)).num_seconds(), 60);
    }
}
