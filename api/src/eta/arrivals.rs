//! How many orders this process has accepted in the last three seconds: SQS's own counts are about
//! that late.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Counts per second, the current one first.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Ring {
    second: u64,
    counts: [u32; 4],
}

/// The counter of this process.
#[derive(Debug)]
pub(crate) struct Arrivals {
    start: Instant,
    ring: Mutex<Ring>,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { start: Instant::now(), ring: Mutex::default() }
    }
}

impl Arrivals {
    pub(crate) fn count(&self) {
        self.change(|current| current.saturating_add(1));
    }

    /// Uncounts an order that was not accepted. It may have been counted a second ago, but only the
    /// sum is used.
    pub(crate) fn uncount(&self) {
        self.change(|current| current.saturating_sub(1));
    }

    fn change(&self, change: impl FnOnce(u32) -> u32) {
        let mut ring = self.ring.lock();
        *ring = ring.at(self.start.elapsed());
        ring.counts[0] = change(ring.counts[0]);
    }

    pub(crate) fn last_3s(&self) -> f64 {
        let now = self.start.elapsed();
        self.ring.lock().at(now).last_3s(now)
    }

    /// Those of [`Arrivals::last_3s`] that were accepted at least `seconds` ago.
    pub(crate) fn older(&self, seconds: f64) -> f64 {
        let now = self.start.elapsed();
        self.ring.lock().at(now).older(now, seconds)
    }
}

impl Ring {
    /// The ring at `now`.
    fn at(mut self, now: Duration) -> Self {
        let passed = now.as_secs().saturating_sub(self.second);
        for _ in 0..passed.min(4) {
            self.counts.rotate_right(1);
            self.counts[0] = 0;
        }
        self.second = self.second.max(now.as_secs());
        self
    }

    /// The current second so far, two whole ones, and the rest of three seconds from the one
    /// before.
    fn last_3s(&self, now: Duration) -> f64 {
        let [current, one, two, three] = self.counts.map(f64::from);
        current + one + two + three * (1.0 - f64::from(now.subsec_millis()) / 1e3)
    }

    /// The seconds that had ended `seconds` ago. A second that had only begun is left out: when its
    /// orders came is not known.
    fn older(&self, now: Duration, seconds: f64) -> f64 {
        let passed = f64::from(now.subsec_millis()) / 1e3;
        let [_, one, two, three] = self.counts.map(f64::from);
        [(one, passed), (two, passed + 1.0), (three * (1.0 - passed), passed + 2.0)]
            .into_iter()
            .filter_map(|(count, ended)| (ended >= seconds).then_some(count))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_leave_the_window_as_time_goes_on() {
        let at = Duration::from_secs_f64;
        let ring = Ring { second: 10, counts: [8, 0, 0, 0] };
        let last_3s = |t: f64| ring.at(at(t)).last_3s(at(t));
        for (t, expected) in [(10.0, 8.0), (10.9, 8.0), (12.5, 8.0), (13.0, 8.0), (13.5, 4.0), (14.0, 0.0), (99.0, 0.0)]
        {
            assert!((last_3s(t) - expected).abs() < 1e-6, "{t}: {}", last_3s(t));
        }
    }

    #[test]
    fn an_order_is_old_once_its_second_is() {
        let at = Duration::from_secs_f64;
        let ring = Ring { second: 10, counts: [8, 0, 0, 0] };
        for (t, seconds, expected) in
            [(10.9, 0.5, 0.0), (11.4, 0.5, 0.0), (11.6, 0.5, 8.0), (12.5, 2.0, 0.0), (13.0, 2.0, 8.0), (13.5, 2.0, 4.0)]
        {
            let older = ring.at(at(t)).older(at(t), seconds);
            assert!((older - expected).abs() < 1e-6, "{t} {seconds}: {older}");
        }
    }

    #[test]
    fn an_order_counts_at_once() {
        let arrivals = Arrivals::default();
        arrivals.count();
        arrivals.count();
        assert!((arrivals.last_3s() - 2.0).abs() < 1e-9);
    }
}
