//! The poll schedule: when to look, if an order is expected between `lo` and `hi`. Pure; the same rule as the service's
//! own, so that `poll_after_ms` and a client that follows the schedule agree.
//!
//! ```text
//! lo, hi = p10, p90 since POST
//! d = max(0.1 s, sqrt(0.05*(hi - lo)*hi));  t = lo + 0.55*d
//! loop: wait until t, GET; final? return.
//!       a newer lo, hi in the object? take them: d anew, t = max(t + d, lo + 0.55*d)
//!       else t += d + 0.1*max(0, t - hi)
//! ```

/// What one look is worth: a delay of this share of the order's time.
const LOOK: f64 = 0.05;
/// Where in its first step a window is looked at first.
const FIRST: f64 = 0.55;
/// The shortest time between two looks, in seconds.
const SHORTEST: f64 = 0.1;
/// How much rarer looks become after the window, as a share of the time since.
const LATE: f64 = 0.1;

/// The looks at one order, in seconds since it was placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    lo: f64,
    hi: f64,
    next: f64,
}

impl Schedule {
    /// The looks at an order that is expected `lo` to `hi` seconds after it was placed (10th and 90th percentile).
    #[must_use]
    pub fn new(lo: f64, hi: f64) -> Self {
        let (lo, hi) = window(lo, hi);
        Self { lo, hi, next: lo + FIRST * step(lo, hi) }
    }

    /// When to look next, in seconds since the order was placed.
    #[must_use]
    pub fn next_look(&self) -> f64 {
        self.next
    }

    /// After a look at the time planned, that found no newer window.
    #[must_use]
    pub fn looked(self) -> Self {
        self.looked_at(self.next)
    }

    /// After a look `t` seconds after the order, that found no newer window.
    pub(crate) fn looked_at(self, t: f64) -> Self {
        Self { next: t + step(self.lo, self.hi) + LATE * (t - self.hi).max(0.0), ..self }
    }

    /// After a look at the time planned, that found a newer window.
    #[must_use]
    pub fn moved(self, lo: f64, hi: f64) -> Self {
        Self::from_look_at(self.next, lo, hi)
    }

    /// The looks after one `t` seconds after the order, that found this window.
    pub(crate) fn from_look_at(t: f64, lo: f64, hi: f64) -> Self {
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
    (LOOK * (hi - lo) * hi).sqrt().max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        lo: f64,
        /// `null` for a number that is none.
        hi: Option<f64>,
        /// After each look: the newer window that it found, if any.
        moves: Vec<Option<(f64, f64)>>,
        #[serde(rename = "polls")]
        looks: Vec<f64>,
    }

    #[test]
    fn the_looks_are_those_of_the_services_own_schedule() {
        let golden: Vec<Golden> = serde_json::from_str(include_str!("../../golden/schedule.json")).expect("JSON");
        assert!(golden.len() >= 9);
        for Golden { lo, hi, moves, looks } in golden {
            let mut s = Schedule::new(lo, hi.unwrap_or(f64::NAN));
            let mut ours = vec![s.next_look()];
            for found in moves {
                s = found.map_or_else(|| s.looked(), |(lo, hi)| s.moved(lo, hi));
                ours.push(s.next_look());
            }
            assert_eq!(ours.len(), looks.len());
            assert!(
                ours.iter().zip(&looks).all(|(a, b)| (a - b).abs() < 1e-9),
                "{lo}..{hi:?}: {ours:?}, not {looks:?}"
            );
        }
    }
}
