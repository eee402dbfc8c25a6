//! The baseline: an earlier estimator and schedule, with which those of the service are compared on
//! the same orders. Its polls are a fixed share of the window apart.

use offload_domain::eta::{Concurrency, Estimate, QueueState, ServiceTimes};

/// The estimate at POST.
pub(crate) fn estimate(queue: &QueueState, times: &ServiceTimes, concurrency: Concurrency) -> Estimate {
    let (c, s, cv2) = (concurrency.now.max(1.0), times.mean.max(1e-3), times.cv2);
    let m0 = queue.visible + queue.in_flight.min(c);
    let joined = m0 + queue.accepted_3s;
    let m = joined - (if queue.visible > 0.0 { 3.0 * c / s } else { queue.finished_3s }).min(joined);
    let residual = ((1.0 + cv2) / 2.0).max(0.5);
    let a = (m - c + if c > 1.0 { residual.min(1.0) } else { residual }).max(0.0);
    let moved = queue.accepted_3s + queue.finished_3s;
    let flow = (3.0 * c / s).min(moved);
    let counts = 0.6 * (queue.accepted_3s + flow) + (0.03 * m0).powi(2) + (0.385 * (moved - flow)).powi(2);
    let n = (times.count as f64).clamp(5.0, 1_000.0);
    let wait = elastic_wait(a, s, concurrency).unwrap_or(a * s / c);
    let sw = s / c * (cv2 * a + a.min(c) / 4.0 + counts + m * m * cv2 / n).sqrt();
    let sw = if a > 0.0 { sw * wait * c / (a * s) } else { sw };
    let reach = |q: f64| ((q - times.p50).powi(2) + (1.2816 * sw).powi(2)).sqrt();
    let p50 = wait + times.p50;
    Estimate { p10: times.p10.max(p50 - reach(times.p10)), p50, p90: times.p90.max(p50 + reach(times.p90)) }
}

fn elastic_wait(n: f64, s: f64, pool: Concurrency) -> Option<f64> {
    let (c, ramp) = (pool.now.max(1.0), pool.ramp_per_s);
    if ramp <= 0.0 || pool.max <= c {
        return None;
    }
    let (half, linear) = (ramp / 2.0 / s, c / s + ramp);
    let grown = (pool.max - c) / ramp;
    let until = half * grown * grown + linear * grown;
    Some(if n > until {
        grown + (n - until) * s / pool.max
    } else {
        (-linear + (linear * linear + 4.0 * half * n).sqrt()) / (2.0 * half)
    })
}

/// The polls until `done`: how many, and when the last one is.
pub(crate) fn polls(lo: f64, hi: f64, done: f64) -> (u32, f64) {
    let d = (0.3 * (hi - lo)).max(0.1);
    let (mut t, mut polls) = (lo + d / 2.0, 1);
    while t < done {
        t += d + 0.1 * (t - hi).max(0.0);
        polls += 1;
    }
    (polls, t)
}
