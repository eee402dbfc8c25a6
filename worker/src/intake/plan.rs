//! Which queue is asked next, for how many messages, and how long. Pure.

use std::time::Duration;

use offload_domain::lane::{Lane, Permits, Weights};
use offload_stores::RECEIVE_MAX;
use tokio::time::Instant;

use crate::receive::LONG_POLL;

/// While another lane takes every permit that becomes free, an empty queue is asked so often at
/// most: four calls a second. Without a bound each permit would cost a call for each empty queue.
const CHECK_EVERY: Duration = Duration::from_millis(250);

/// What is known of a lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LaneState {
    pub(super) lane: Lane,
    /// The poll that is under way.
    poll: Option<Poll>,
    /// Whether the last answer was as long as it could be: then there is more.
    has_work: bool,
    /// When it was asked last.
    asked_at: Option<Instant>,
    /// Not to be asked before, because its queue did not answer.
    retry_at: Option<Instant>,
    failures: u32,
}

/// A receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Poll {
    /// Messages, at most.
    pub(super) asked: usize,
    /// Whether it holds as many permits until it has ended.
    pub(super) holds: bool,
    /// How long it waits for a message.
    pub(super) wait: Duration,
}

impl LaneState {
    pub(super) fn new(lane: Lane) -> Self {
        Self { lane, poll: None, has_work: false, asked_at: None, retry_at: None, failures: 0 }
    }

    pub(super) fn start(&mut self, poll: Poll, now: Instant) {
        (self.poll, self.asked_at) = (Some(poll), Some(now));
    }

    pub(super) fn answered(&mut self, received: usize, asked: usize) {
        (self.poll, self.retry_at, self.failures) = (None, None, 0);
        self.has_work = received >= asked;
    }

    /// Its queue has not answered; with how long it waits for the next try.
    pub(super) fn failed(&mut self, now: Instant, delay: impl Fn(u32) -> Duration) -> Duration {
        self.failures += 1;
        let wait = delay(self.failures);
        (self.poll, self.has_work, self.retry_at) = (None, false, Some(now + wait));
        wait
    }

    /// When it may be asked, while others have work.
    fn check_at(&self) -> Option<Instant> {
        self.asked_at.map(|at| at + CHECK_EVERY).max(self.retry_at)
    }
}

/// The next poll to start, and its lane among `lanes`.
pub(super) fn next_poll(
    lanes: &[LaneState],
    permits: Permits,
    weights: &Weights,
    now: Instant,
) -> Option<(usize, Poll)> {
    let asked = |lane: &LaneState| permits.usable(lane.lane).min(RECEIVE_MAX);
    let is_due = |at: Option<Instant>| at.is_none_or(|at| at <= now);
    let alone = lanes.len() == 1;
    let others_work = |n: usize| lanes.iter().enumerate().any(|(other, lane)| other != n && lane.has_work);
    // Nobody takes the permits meanwhile, or some are kept.
    let spared = |n: usize| !others_work(n) || (lanes[n].lane == Lane::Quiet && permits.kept > 0);
    // One at a time: so each knows what the one before has taken.
    if !lanes.iter().any(|lane| lane.poll.is_some_and(|poll| poll.holds)) {
        let asks = |(n, lane): &(usize, &LaneState)| {
            let idle_beside_others = || !spared(*n) && is_due(lane.check_at());
            lane.poll.is_none()
                && asked(lane) > 0
                && is_due(lane.retry_at)
                && (alone || lane.has_work || idle_beside_others())
        };
        let asking = lanes.iter().enumerate().filter(asks).map(|(_, lane)| lane.lane);
        if let Some(next) = weights.next(asking) {
            let n = lanes.iter().position(|lane| lane.lane == next)?;
            // Nobody else waits for the permits that it holds.
            let wait = if alone { LONG_POLL } else { Duration::ZERO };
            return Some((n, Poll { asked: asked(&lanes[n]), holds: true, wait }));
        }
    }
    let idle = |(n, lane): &(usize, &LaneState)| {
        !alone && lane.poll.is_none() && asked(lane) > 0 && !lane.has_work && is_due(lane.retry_at) && spared(*n)
    };
    let (n, lane) = lanes.iter().enumerate().find(idle)?;
    let asked = if others_work(n) { asked(lane).min(permits.kept) } else { asked(lane) };
    Some((n, Poll { asked, holds: false, wait: LONG_POLL }))
}

/// When there is something to do even if nothing happens.
pub(super) fn next_time(lanes: &[LaneState], permits: Permits, now: Instant) -> Option<Instant> {
    if permits.free == 0 {
        return None;
    }
    let times = lanes.iter().filter(|lane| lane.poll.is_none()).filter_map(LaneState::check_at);
    times.filter(|at| *at > now).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: Poll = Poll { asked: 2, holds: true, wait: Duration::ZERO };
    const LONG: Poll = Poll { asked: 2, holds: false, wait: LONG_POLL };

    const TWO: Permits = Permits { all: 2, free: 2, kept: 0, quiet: 0 };
    const NONE: Permits = Permits { free: 0, ..TWO };

    fn all() -> Vec<LaneState> {
        Lane::ALL.map(LaneState::new).into()
    }

    /// Starts what is to be started with two permits, and says what it was.
    fn started(lanes: &mut [LaneState], now: Instant) -> Vec<(Lane, Poll)> {
        let mut polls = Vec::new();
        while let Some((n, poll)) = next_poll(lanes, TWO, &Weights::default(), now) {
            lanes[n].start(poll, now);
            polls.push((lanes[n].lane, poll));
        }
        polls
    }

    #[test]
    fn every_empty_queue_has_a_long_poll_that_holds_no_permit() {
        let (mut lanes, now) = (all(), Instant::now());
        assert_eq!(next_poll(&lanes, NONE, &Weights::default(), now), None);
        assert_eq!(started(&mut lanes, now), Lane::ALL.map(|lane| (lane, LONG)));
    }

    #[test]
    fn the_only_queue_is_asked_as_if_there_were_no_lanes() {
        let (mut lanes, now) = (vec![LaneState::new(Lane::Normal)], Instant::now());
        let poll = Poll { holds: true, ..LONG };
        assert_eq!(started(&mut lanes, now), [(Lane::Normal, poll)]);
        lanes[0].answered(0, 2);
        assert_eq!(started(&mut lanes, now), [(Lane::Normal, poll)]);
    }

    #[test]
    fn beside_a_queue_with_work_an_empty_one_is_checked_now_and_then() {
        let (mut lanes, now) = (all(), Instant::now());
        lanes[Lane::Normal.index()].answered(2, 2);
        // One after the other, the lanes without work first: they are behind.
        for lane in [Lane::Quiet, Lane::High, Lane::Low] {
            let (n, poll) = next_poll(&lanes, TWO, &taken_by_normal(), now).unwrap();
            assert_eq!((lanes[n].lane, poll), (lane, CHECK));
            lanes[n].start(poll, now);
            assert_eq!(next_poll(&lanes, TWO, &taken_by_normal(), now), None, "one at a time");
            lanes[n].answered(0, 2);
        }
        let (n, poll) = next_poll(&lanes, TWO, &taken_by_normal(), now).unwrap();
        assert_eq!((lanes[n].lane, poll), (Lane::Normal, CHECK));
        let (n, _) = next_poll(&lanes, TWO, &taken_by_normal(), now + CHECK_EVERY).unwrap();
        assert_eq!(lanes[n].lane, Lane::Quiet, "checked again");
        assert_eq!(next_time(&lanes, TWO, now), Some(now + CHECK_EVERY));
        assert_eq!(next_time(&lanes, NONE, now), None);
    }

    fn taken_by_normal() -> Weights {
        let mut weights = Weights::default();
        weights.taken(Lane::Normal, 1);
        weights
    }

    #[test]
    fn a_queue_that_does_not_answer_keeps_no_other_waiting() {
        let (mut lanes, now) = (all(), Instant::now());
        let wait = Duration::from_secs(5);
        assert_eq!(lanes[0].failed(now, |_| wait), wait);
        assert_eq!(started(&mut lanes, now), [(Lane::High, LONG), (Lane::Normal, LONG), (Lane::Low, LONG)]);
        assert_eq!(next_time(&lanes, TWO, now), Some(now + wait));
        assert_eq!(started(&mut lanes, now + wait), [(Lane::Quiet, LONG)]);
    }

    #[test]
    fn beside_a_backlog_the_quiet_lane_has_a_long_poll_for_the_permits_that_are_kept() {
        let (mut lanes, now) = (all(), Instant::now());
        lanes[Lane::Normal.index()].answered(10, 10);
        let kept = Permits { all: 16, free: 2, kept: 2, quiet: 0 };
        let (n, poll) = next_poll(&lanes, kept, &Weights::default(), now).unwrap();
        assert_eq!((lanes[n].lane, poll), (Lane::Quiet, LONG));
        lanes[n].start(poll, now);
        assert_eq!(next_poll(&lanes, kept, &Weights::default(), now), None, "no other lane may use them");
        let more = Permits { free: 3, ..kept };
        let (n, poll) = next_poll(&lanes, more, &taken_by_normal(), now).unwrap();
        assert_eq!((lanes[n].lane, poll), (Lane::High, Poll { asked: 1, ..CHECK }));
    }
}
