//! How clients wait for the end of an order, and what it costs them.

use offload_domain::{
    eta::{Estimate, finish_hint, started, worth_publishing},
    schedule::Schedule,
};

use super::{random::Random, world::MeasuredOrder};

/// Seconds of work after which `processing` is published.
const PROCESSING_AFTER: f64 = 0.5;
/// The shortest time between two progress reports, in seconds.
const PROGRESS_EVERY: f64 = 2.0;
/// The forecast of a processor is off by no more than 10 % in eight of ten cases.
const HINT_ERROR: f64 = 0.1 / 1.2816;

/// What waiting for one order took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wait {
    /// Polls, with the last one, which found the order done.
    pub(crate) polls: u32,
    /// Seconds from the end to the last poll.
    pub(crate) delay: f64,
    /// PUTs of the status object that were made for new windows.
    pub(crate) puts: u32,
}

impl Wait {
    fn new(polls: u32, last: f64, done: f64) -> Self {
        Self { polls, delay: last - done, puts: 0 }
    }
}

/// The clients that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Client {
    /// Polls at every tenth of the queue's mean sojourn, which it knows beforehand.
    FixedInterval,
    /// Polls after 1 s, 2 s, 4 s and so on, a minute at most.
    Backoff,
    /// Polls at the estimated end, in whole seconds, and then at every tenth of that.
    RetryAfter,
    /// Polls at a fixed share of the window, by the estimate of the baseline.
    Baseline,
    /// The schedule, by the estimate of the 202.
    Schedule,
    /// The schedule, and the new window that is published once the work has begun.
    Processing,
    /// The schedule, where the processor forecasts its end at its start, give or take 10 %.
    Hint,
    /// The schedule, where the processor reports a percentage, and the worker publishes new
    /// windows.
    Progress,
}

impl Client {
    pub(crate) const ALL: [Self; 8] = [
        Self::FixedInterval,
        Self::Backoff,
        Self::RetryAfter,
        Self::Baseline,
        Self::Schedule,
        Self::Processing,
        Self::Hint,
        Self::Progress,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FixedInterval => "fixed T/10, T known",
            Self::Backoff => "backoff 1 s x2, 60 s",
            Self::RetryAfter => "Retry-After",
            Self::Baseline => "baseline",
            Self::Schedule => "this schedule",
            Self::Processing => " + processing object",
            Self::Hint => " + finish hint",
            Self::Progress => " + progress reports",
        }
    }

    /// Waits for an order of a queue whose mean sojourn is `typical`.
    pub(crate) fn wait(self, order: &MeasuredOrder, typical: f64, random: &mut Random) -> Wait {
        let done = order.done;
        match self {
            Self::FixedInterval => every(typical / 10.0, done),
            Self::Backoff => backoff(1.0, 2.0, 60.0, done),
            Self::RetryAfter => {
                let first = order.estimate.p50.ceil().max(1.0);
                let then = (first / 10.0).ceil();
                let more = ((done - first).max(0.0) / then).ceil();
                Wait::new(whole(more) + 1, first + more * then, done)
            }
            Self::Baseline => {
                let (polls, last) = super::baseline::polls(order.baseline.p10, order.baseline.p90, done);
                Wait::new(polls, last, done)
            }
            Self::Schedule => poll(schedule(&order.estimate), &[], done),
            Self::Processing => poll(schedule(&order.estimate), &begun(order), done),
            Self::Hint => poll(schedule(&order.estimate), &hinted(order, random), done),
            Self::Progress => {
                let updates = progress(order, random);
                let wait = poll(schedule(&order.estimate), &updates, done);
                Wait { puts: u32::try_from(updates.len()).unwrap_or(u32::MAX), ..wait }
            }
        }
    }
}

/// A new window in the status object, and when it is published, in seconds since POST.
#[derive(Debug, Clone, Copy)]
struct Update {
    at: f64,
    window: Estimate,
}

/// The schedule of the service for this estimate.
pub(crate) fn schedule(e: &Estimate) -> Schedule {
    Schedule::new(e.p10, e.p90)
}

/// Polls at a fixed interval.
pub(crate) fn every(interval: f64, done: f64) -> Wait {
    let polls = (done / interval).ceil().max(1.0);
    Wait::new(whole(polls), polls * interval, done)
}

/// Polls after pauses that grow by a factor, up to a longest one.
pub(crate) fn backoff(first: f64, factor: f64, longest: f64, done: f64) -> Wait {
    let (mut pause, mut at, mut polls) = (first, first, 1);
    while at < done {
        pause = (pause * factor).min(longest);
        at += pause;
        polls += 1;
    }
    Wait::new(polls, at, done)
}

/// Polls by a schedule, which takes over each newer window that a poll finds.
fn poll(mut schedule: Schedule, updates: &[Update], done: f64) -> Wait {
    let (mut polls, mut known) = (0, 0);
    loop {
        let at = schedule.next_poll();
        polls += 1;
        if at >= done {
            return Wait::new(polls, at, done);
        }
        let published = updates.partition_point(|u| u.at <= at);
        schedule = match updates.get(published.wrapping_sub(1)) {
            Some(update) if published > known => schedule.window_changed(update.window.p10, update.window.p90),
            _ => schedule.polled(),
        };
        known = published;
    }
}

/// Polls by the schedule, where one poll is worth a delay of this share.
pub(crate) fn by_worth(e: &Estimate, worth: f64, done: f64) -> Wait {
    poll(Schedule::with_poll_cost(e.p10, e.p90, worth), &[], done)
}

/// The same with a finish hint.
pub(crate) fn by_worth_with_hint(order: &MeasuredOrder, worth: f64, random: &mut Random) -> Wait {
    let e = order.estimate;
    poll(Schedule::with_poll_cost(e.p10, e.p90, worth), &hinted(order, random), order.done)
}

/// The window that is published once the work has begun.
fn begun(order: &MeasuredOrder) -> Vec<Update> {
    let at = order.started + PROCESSING_AFTER;
    if at >= order.done {
        return Vec::new();
    }
    vec![Update { at, window: started(&order.times).delayed(order.started) }]
}

fn hinted(order: &MeasuredOrder, random: &mut Random) -> Vec<Update> {
    let at = order.started + PROCESSING_AFTER;
    let forecast = (order.done - order.started) * (HINT_ERROR * random.normal()).exp();
    if at >= order.done {
        return Vec::new();
    }
    let window = Estimate { p10: forecast * 0.9, p50: forecast, p90: forecast * 1.1 };
    vec![Update { at, window: window.delayed(order.started) }]
}

/// The windows that the worker publishes by the reported percentages, which are up to 10 % fast or
/// slow.
fn progress(order: &MeasuredOrder, random: &mut Random) -> Vec<Update> {
    let mut updates = begun(order);
    let begin = order.started;
    let length = order.done - begin;
    let pace = (HINT_ERROR * random.normal()).exp();
    let epoch = chrono::DateTime::UNIX_EPOCH;
    let accepted_at =
        epoch - chrono::TimeDelta::from_std(std::time::Duration::from_secs_f64(begin)).unwrap_or_default();
    let mut current = order.estimate.delayed(-begin).window(epoch);
    if let Some(first) = updates.first() {
        current = first.window.delayed(-begin).window(epoch);
    }
    let every = PROGRESS_EVERY.max(length / 50.0);
    let mut elapsed = PROCESSING_AFTER + every;
    while elapsed < length {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a percentage")]
        let percent = (100.0 * elapsed / length * pace).clamp(0.0, 99.0) as u8;
        let now = epoch + chrono::TimeDelta::from_std(std::time::Duration::from_secs_f64(elapsed)).unwrap_or_default();
        if let Some(left) = finish_hint(elapsed, percent) {
            let window = left.window(now);
            if worth_publishing(&current, &window, accepted_at, now) {
                current = window;
                updates.push(Update { at: begin + elapsed, window: left.delayed(begin + elapsed) });
            }
        }
        elapsed += every;
    }
    updates
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of polls")]
fn whole(polls: f64) -> u32 {
    polls as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_poll_counts_and_is_the_first_after_the_end() {
        let wait = every(3.0, 10.0);
        assert!(wait.polls == 4 && (wait.delay - 2.0).abs() < 1e-9, "{wait:?}");
        // 1, 3, 7, 15
        let wait = backoff(1.0, 2.0, 60.0, 10.0);
        assert!(wait.polls == 4 && (wait.delay - 5.0).abs() < 1e-9, "{wait:?}");
    }

    #[test]
    fn a_newer_window_applies_from_the_poll_that_finds_it() {
        let window = Estimate { p10: 100.0, p50: 105.0, p90: 110.0 };
        let schedule = Schedule::new(10.0, 20.0);
        let wait = poll(schedule, &[Update { at: 5.0, window }], 104.0);
        assert!(wait.polls == 2 && wait.delay < 5.0, "{wait:?}");
        assert!(poll(schedule, &[], 104.0).polls > 4);
    }
}
