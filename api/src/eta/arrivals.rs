//! How many orders this process has accepted in the last three seconds: SQS's own counts are about
//! that late.

use std::time::{Duration, Instant};

use offload_domain::eta::unfinished;
use parking_lot::Mutex;

/// How long orders are counted together.
const STEP: Duration = Duration::from_millis(100);

/// Three seconds, and the step in which they begin.
const STEPS: usize = 31;

/// Counts of steps, the current one first.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Ring {
    step: u64,
    counts: [u32; STEPS],
}

/// The counter of this process.
#[derive(Debug)]
pub(crate) struct Arrivals {
    start: Instant,
    ring: Mutex<Ring>,
}

/// What came lately.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Recent {
    ring: Ring,
    /// How much of the current step has passed, from 0 to 1.
    part: f64,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { start: Instant::now(), ring: Mutex::default() }
    }
}

impl Arrivals {
    pub(crate) fn count(&self) {
        let mut ring = self.ring.lock();
        *ring = ring.at(self.start.elapsed());
        ring.counts[0] = ring.counts[0].saturating_add(1);
    }

    /// Uncounts an order that was not accepted.
    pub(crate) fn uncount(&self) {
        let mut ring = self.ring.lock();
        // It was counted a while ago, with others that came then.
        if let Some(count) = ring.counts.iter_mut().find(|count| **count > 0) {
            *count -= 1;
        }
    }

    pub(crate) fn recent(&self) -> Recent {
        let now = self.start.elapsed();
        Recent::at(*self.ring.lock(), now)
    }
}

impl Ring {
    /// The ring at `now`.
    fn at(mut self, now: Duration) -> Self {
        let step = u64::try_from(now.as_millis() / STEP.as_millis()).unwrap_or(u64::MAX);
        let passed = usize::try_from(step.saturating_sub(self.step)).map_or(STEPS, |passed| passed.min(STEPS));
        self.counts.rotate_right(passed % STEPS);
        self.counts[..passed].fill(0);
        self.step = self.step.max(step);
        self
    }
}

impl Recent {
    fn at(ring: Ring, now: Duration) -> Self {
        let part = (now.as_secs_f64() / STEP.as_secs_f64()).fract();
        Self { ring: ring.at(now), part }
    }

    /// For each step, the latest first: how many seconds ago it began, and its orders. Of the step
    /// in which the three seconds begin as many as fall into them.
    fn steps(&self) -> impl Iterator<Item = (f64, f64)> {
        let began = |step: usize| (self.part + step as f64) * STEP.as_secs_f64();
        self.ring.counts.iter().map(|&count| f64::from(count)).enumerate().map(move |(step, count)| {
            if step + 1 == STEPS { (3.0, count * (1.0 - self.part)) } else { (began(step), count) }
        })
    }

    /// Those of three seconds.
    pub(crate) fn all(&self) -> f64 {
        self.steps().map(|(_, count)| count).sum()
    }

    /// Those that came at least `seconds` ago. A step that had only begun is left out: when its
    /// orders came is not known.
    pub(crate) fn older(&self, seconds: f64) -> f64 {
        let step = STEP.as_secs_f64();
        self.steps().filter_map(|(began, count)| (began - step >= seconds).then_some(count)).sum()
    }

    /// Those that cannot have ended yet, with at most `pace` a second.
    pub(crate) fn unfinished(&self, pace: f64) -> f64 {
        unfinished(self.steps(), pace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight orders at 10.0 s, `seconds` later.
    fn later(seconds: f64) -> Recent {
        let ring = Ring::default().at(Duration::from_secs(10));
        let counts = std::array::from_fn(|step| if step == 0 { 8 } else { 0 });
        Recent::at(Ring { counts, ..ring }, Duration::from_secs(10) + Duration::from_secs_f64(seconds))
    }

    #[test]
    fn orders_leave_the_window_as_time_goes_on() {
        for (seconds, expected) in [(0.0, 8.0), (0.9, 8.0), (2.99, 8.0), (3.05, 4.0), (3.1, 0.0), (99.0, 0.0)] {
            let all = later(seconds).all();
            assert!((all - expected).abs() < 1e-6, "{seconds}: {all}");
        }
    }

    #[test]
    fn an_order_is_old_once_its_step_is() {
        for (seconds, old, expected) in
            [(0.55, 0.5, 0.0), (0.65, 0.5, 8.0), (1.95, 2.0, 0.0), (2.15, 2.0, 8.0), (3.2, 2.0, 0.0)]
        {
            let older = later(seconds).older(old);
            assert!((older - expected).abs() < 1e-6, "{seconds} {old}: {older}");
        }
    }

    #[test]
    fn orders_are_unfinished_until_the_workers_had_the_time() {
        for (seconds, expected) in [(0.05, 7.8), (1.0, 4.0), (2.0, 0.0), (9.0, 0.0)] {
            let unfinished = later(seconds).unfinished(4.0);
            assert!((unfinished - expected).abs() < 1e-6, "{seconds}: {unfinished}");
        }
    }

    #[test]
    fn an_order_counts_at_once_and_one_that_was_not_accepted_does_not() {
        let arrivals = Arrivals::default();
        arrivals.count();
        arrivals.count();
        assert!((arrivals.recent().all() - 2.0).abs() < 1e-9);
        arrivals.uncount();
        assert!((arrivals.recent().all() - 1.0).abs() < 1e-9);
    }
}
