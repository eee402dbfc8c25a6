//! The poll schedule: when to poll, if an order is expected between `lo` and `hi`. Pure; the same
//! rule as the service's own, so that `poll_after_ms` and a client that obeys the schedule agree.
//!
//! ```text
//! lo, hi = p10, p90 since POST
//! d = max(0.1 s, sqrt(0.05*(hi - lo)*hi));  t = lo + 0.55*d
//! loop: wait until t, GET; final? return.
//!       a newer lo, hi in the object? take them: d anew, t = max(t + d, lo + 0.55*d)
//!       else t += d + 0.1*max(0, t - hi)
//! ```

/// What one poll is worth: a delay of this share of the order's time.
const POLL_COST: f64 = 0.05;
/// Where in its first step a window is polled first.
const FIRST: f64 = 0.55;
/// The shortest time between two polls, in seconds.
const SHORTEST: f64 = 0.1;
/// How much rarer polls become after the window, as a share of the time since.
const LATE: f64 = 0.1;

/// The polls of one order, in seconds since it was accepted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    lo: f64,
    hi: f64,
    next: f64,
}

impl Schedule {
    /// The polls of an order that is expected `lo` to `hi` seconds after it was accepted (10th and
    /// 90th percentile).
    #[must_use]
    pub fn new(lo: f64, hi: f64) -> Self {
        let (lo, hi) = window(lo, hi);
        Self { lo, hi, next: lo + FIRST * step(lo, hi) }
    }

    /// When to poll next, in seconds since the order was accepted.
    #[must_use]
    pub fn next_poll(&self) -> f64 {
        self.next
    }

    /// After a poll on time that returned no newer window.
    #[must_use]
    pub fn polled(self) -> Self {
        self.polled_at(self.next)
    }

    /// After a poll `t` seconds after the order was accepted, that returned no newer window.
    pub(crate) fn polled_at(self, t: f64) -> Self {
        Self { next: t + step(self.lo, self.hi) + LATE * (t - self.hi).max(0.0), ..self }
    }

    /// After a poll on time that returned a newer window.
    #[must_use]
    pub fn moved(self, lo: f64, hi: f64) -> Self {
        Self::after_poll_at(self.next, lo, hi)
    }

    /// After a poll `t` seconds after the order was accepted, that returned this window.
    pub(crate) fn after_poll_at(t: f64, lo: f64, hi: f64) -> Self {
        let (lo, hi) = window(lo, hi);
        let d = step(lo, hi);
        Self { lo, hi, next: (t + d).max(lo + FIRST * d) }
    }
}

fn window(lo: f64, hi: f64) -> (f64, f64) {
    let lo = if lo.is_finite() { lo.max(0.0) } else { 0.0 };
    (lo, if hi.is_finite() { hi.max(lo) } else { lo })
}

fn step(lo: f64, hi: f64) -> f64 {
    (POLL_COST * (hi - lo) * hi).sqrt().max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        lo: f64,
        /// `null` for NaN.
        hi: Option<f64>,
        /// After each poll: the newer window that it returned, if any.
        moves: Vec<Option<(f64, f64)>>,
        polls: Vec<f64>,
    }

    #[test]
    fn the_schedule_is_the_services_own() {
        let golden: Vec<Golden> = serde_json::from_str(include_str!("../../golden/schedule.json")).expect("JSON");
        assert!(golden.len() >= 9);
        for Golden { lo, hi, moves, polls } in golden {
            let mut s = Schedule::new(lo, hi.unwrap_or(f64::NAN));
            let mut ours = vec![s.next_poll()];
            for newer in moves {
                s = newer.map_or_else(|| s.polled(), |(lo, hi)| s.moved(lo, hi));
                ours.push(s.next_poll());
            }
            assert_eq!(ours.len(), polls.len());
            assert!(
                ours.iter().zip(&polls).all(|(a, b)| (a - b).abs() < 1e-9),
                "{lo}..{hi:?}: {ours:?}, not {polls:?}"
            );
        }
    }
}
