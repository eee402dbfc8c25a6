//! The wait in the queue, with a fixed or a growing concurrency.

/// How many orders are worked on at once.
///
/// While orders wait, Lambda starts `ramp_per_s` pollers a second, up to `max`. After `W` seconds
/// of that,
///
/// ```text
/// N = ramp/2 * W^2/s + (c/s + ramp*g) * W        g = clamp((1 + cv2)/2, 0.5, 1.5)
/// ```
///
/// orders have left the queue. A poller that starts at 0 has taken `t/s + g` orders by `t`: the
/// count of renewal theory, including the first order, which it takes at once. (`g = 1` holds only
/// for exponential times. With it, and regular times, a pool that grows from nothing would finish
/// its first orders before any can have finished: in the simulation three of four orders then ended
/// later than their median.) This is solved for `W`, and linear once the maximum is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concurrency {
    /// Orders at once, now.
    pub now: f64,
    /// How many more each second while orders wait.
    pub ramp_per_s: f64,
    /// The maximum that it grows to. If this is `now` or less, it does not grow.
    pub max: f64,
}

impl From<f64> for Concurrency {
    /// A fixed concurrency.
    fn from(now: f64) -> Self {
        Self { now, ramp_per_s: 0.0, max: now }
    }
}

impl Concurrency {
    /// The same with at least one order at once, and a maximum that is no less.
    pub(super) fn valid(self) -> Self {
        let now = self.now.max(1.0);
        Self { now, ramp_per_s: self.ramp_per_s.max(0.0), max: self.max.max(now) }
    }

    /// Seconds until `orders` have left the queue, at `s` seconds each, with the squared
    /// coefficient of variation `cv2`.
    pub(super) fn wait(&self, orders: f64, s: f64, cv2: f64) -> f64 {
        let grown = self.grown_after();
        if grown <= 0.0 {
            return orders * s / self.now;
        }
        let (half, linear) = (self.ramp_per_s / (2.0 * s), self.now / s + self.ramp_per_s * taken_at_once(cv2));
        let until_grown = if grown.is_finite() { (half * grown + linear) * grown } else { f64::INFINITY };
        if orders > until_grown {
            return grown + (orders - until_grown) * s / self.max;
        }
        // The root of a quadratic, without a difference of two large numbers.
        2.0 * orders / (linear + (linear * linear + 4.0 * half * orders).sqrt())
    }

    /// How many seconds one more order adds, after a wait of `wait`.
    pub(super) fn pace(&self, wait: f64, s: f64, cv2: f64) -> f64 {
        let grown = self.grown_after();
        if grown <= 0.0 {
            return s / self.now;
        }
        if wait >= grown { s / self.max } else { s / (self.now + self.ramp_per_s * (wait + s * taken_at_once(cv2))) }
    }

    /// Seconds until it has reached its maximum.
    fn grown_after(&self) -> f64 {
        if self.max > self.now && self.ramp_per_s > 0.0 { (self.max - self.now) / self.ramp_per_s } else { 0.0 }
    }
}

/// The orders beyond `t/s` that a new poller has taken `t` seconds after its start.
fn taken_at_once(cv2: f64) -> f64 {
    ((1.0 + cv2) / 2.0).clamp(0.5, 1.5)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Orders that have left after `wait`, counted step by step.
    fn left_after(c: Concurrency, wait: f64, s: f64) -> f64 {
        let steps = 100_000;
        let dt = wait / f64::from(steps);
        let mut left = 0.0;
        let mut workers = c.now;
        for _ in 0..steps {
            let started = (c.ramp_per_s * dt).min(c.max - workers).max(0.0);
            left += workers * dt / s + started;
            workers += started;
        }
        left
    }

    #[test]
    fn a_fixed_pool_works_at_a_fixed_pace() {
        assert!((Concurrency::from(4.0).valid().wait(8.0, 10.0, 1.0) - 20.0).abs() < 1e-9);
    }

    #[test]
    fn the_formula_agrees_with_a_simulation() {
        for max in [20.0, 200.0, f64::INFINITY] {
            let c = Concurrency { now: 5.0, ramp_per_s: 5.0, max }.valid();
            for orders in [1.0, 40.0, 3_000.0] {
                let wait = c.wait(orders, 10.0, 1.0);
                let left = left_after(c, wait, 10.0);
                assert!((left - orders).abs() < 0.01 * orders + 0.01, "{max} {orders}: {wait} gives {left}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_wait_grows_steadily_and_its_pace_is_its_slope(
            orders in 0.0f64..1e5, now in 1.0f64..100.0, ramp_per_s in 0.0f64..20.0, max in 1.0f64..1e3, s in 0.01f64..100.0,
            cv2 in 0.0f64..5.0,
        ) {
            let c = Concurrency { now, ramp_per_s, max }.valid();
            let (one, two) = (c.wait(orders, s, cv2), c.wait(orders + 1.0, s, cv2));
            prop_assert!(two >= one);
            let (a, b) = (c.pace(one, s, cv2), c.pace(two, s, cv2));
            let slope = two - one;
            prop_assert!(slope <= a.max(b) * 1.000_1 + 1e-6 && slope >= a.min(b) * 0.999_9 - 1e-6, "{slope} {a} {b}");
        }
    }
}
