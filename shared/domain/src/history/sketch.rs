//! A histogram with logarithmic buckets whose weights fade.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The lower end of the first bucket, in seconds.
const SHORTEST: f64 = 1e-3;
/// The upper end of the last bucket, in seconds: SQS hides a message for twelve hours at most.
const LONGEST: f64 = 43_200.0;
/// The logarithm of a bucket's upper end over its lower end: 4 %.
pub(super) const RESOLUTION: f64 = 0.039_220_713_153_281;
/// ln(LONGEST / SHORTEST) / RESOLUTION, rounded up.
const BUCKETS: usize = 449;
/// The half-life of the weight `latest`, in seconds.
const LATEST_HALF_LIFE_S: f64 = 20.0;
/// Weights are stored in hundredths of an order.
const UNIT: f64 = 100.0;

/// How fast a sketch forgets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fading {
    /// After this many seconds a weight is halved.
    pub(super) half_life_s: f64,
    /// The sum of all weights is at most this: new orders displace old ones.
    pub(super) at_most: f64,
    /// Time alone does not reduce the sum below this.
    pub(super) at_least: f64,
}

/// The share that is left of a weight after this time.
fn faded(time: TimeDelta, half_life_s: f64) -> f64 {
    (-time.as_seconds_f64().max(0.0) / half_life_s).exp2()
}

/// Weighted sums over orders. The weight is 1 for an order that ended at `at`. All sums are linear,
/// so fading is a multiplication and merging an addition.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(super) struct Sketch {
    at: DateTime<Utc>,
    sums: Sums,
    buckets: Vec<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Sums {
    weight: f64,
    latest: f64,
    attempts: f64,
    seconds: f64,
    squares: f64,
    logs: f64,
    log_squares: f64,
}

/// The statistics of a sketch.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a> {
    /// How many orders it covers. Faded ones count in part.
    pub count: f64,
    /// The mean, in seconds.
    pub mean: f64,
    /// The squared coefficient of variation.
    pub cv2: f64,
    /// Attempts per order, on average; at least 1.
    pub attempts_per_order: f64,
    pub(super) log_mean: f64,
    pub(super) log_deviation: f64,
    /// The share of the latest orders.
    pub(super) latest: f64,
    buckets: &'a [f32],
}

impl Sketch {
    /// Adds an order that ended at `now`.
    pub(super) fn record(&mut self, seconds: f64, attempts: u32, now: DateTime<Utc>, fading: Fading) {
        let seconds = if seconds.is_nan() { SHORTEST } else { seconds.clamp(SHORTEST, LONGEST) };
        let weight = self.sums.weight;
        let floor = if weight > 0.0 { (fading.at_least / weight).min(1.0) } else { 0.0 };
        let room = if weight > 0.0 { (fading.at_most - 1.0) / weight } else { 1.0 };
        self.fade(now - self.at, faded(now - self.at, fading.half_life_s).max(floor).min(room));
        self.at = self.at.max(now);
        self.sums = self.sums.plus(&Sums::one(seconds, attempts));
        self.buckets.resize(BUCKETS, 0.0);
        self.buckets[bucket(seconds)] += 1.0;
    }

    /// Both together, at the time of the later one.
    pub(super) fn merge(&self, other: &Self, fading: Fading) -> Self {
        let (older, newer) = if self.at <= other.at { (self, other) } else { (other, self) };
        if newer.buckets.is_empty() {
            return older.clone();
        }
        let mut sum = older.clone();
        let time = newer.at - older.at;
        sum.fade(time, faded(time, fading.half_life_s));
        sum.buckets.resize(BUCKETS, 0.0);
        for (weight, &more) in sum.buckets.iter_mut().zip(&newer.buckets) {
            *weight += more;
        }
        Self { at: newer.at, sums: sum.sums.plus(&newer.sums), buckets: sum.buckets }
    }

    /// The same at `share` of its weight.
    pub(super) fn at_share(&self, share: f64) -> Self {
        let mut less = self.clone();
        less.sums.latest *= share;
        less.scale(share);
        less
    }

    /// Fades by `time`, which leaves the share `by` of every weight.
    fn fade(&mut self, time: TimeDelta, by: f64) {
        self.sums.latest *= faded(time, LATEST_HALF_LIFE_S);
        self.scale(by);
    }

    pub(super) fn summary(&self) -> Summary<'_> {
        let Sums { weight, latest, attempts, seconds, squares, logs, log_squares } = self.sums;
        if weight <= 0.0 {
            return Summary {
                count: 0.0,
                mean: 0.0,
                cv2: 0.0,
                attempts_per_order: 1.0,
                log_mean: 0.0,
                log_deviation: 0.0,
                latest: 0.0,
                buckets: &[],
            };
        }
        let (mean, log_mean) = (seconds / weight, logs / weight);
        Summary {
            count: weight,
            mean,
            cv2: (squares / weight / (mean * mean) - 1.0).max(0.0),
            attempts_per_order: (attempts / weight).max(1.0),
            log_mean,
            log_deviation: (log_squares / weight - log_mean * log_mean).max(0.0).sqrt(),
            latest: latest / weight,
            buckets: &self.buckets,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a factor from 0 to 1")]
    fn scale(&mut self, by: f64) {
        if by < 1.0 {
            self.sums = self.sums.times(by);
            let by = by as f32;
            for b in &mut self.buckets {
                *b *= by;
                // Subnormal numbers are slow, and mean nothing here.
                if *b < 1e-6 {
                    *b = 0.0;
                }
            }
        }
    }
}

impl Summary<'_> {
    /// The 10th percentile, the median and the 90th, in seconds; off by 4 % at most. 0 without
    /// orders.
    #[must_use]
    pub fn window(&self) -> [f64; 3] {
        if self.count > 0.0 && self.log_deviation < RESOLUTION / 2.0 {
            // All in one or two buckets: the moments are more precise than the buckets.
            return [-1.2816, 0.0, 1.2816].map(|z| (self.log_mean + z * self.log_deviation).exp());
        }
        [0.1, 0.5, 0.9].map(|level| self.quantile(level))
    }

    /// The time that the share `level` of orders stayed below, in seconds; off by 4 % at most. 0
    /// without orders.
    #[must_use]
    pub fn quantile(&self, level: f64) -> f64 {
        let total: f64 = self.buckets.iter().map(|&b| f64::from(b)).sum();
        let wanted = level.clamp(0.0, 1.0) * total;
        let mut below = 0.0;
        for (index, &weight) in self.buckets.iter().enumerate() {
            let weight = f64::from(weight);
            if weight > 0.0 && below + weight >= wanted {
                return lower_end(index) * (RESOLUTION * (wanted - below) / weight).exp();
            }
            below += weight;
        }
        // With orders, only rounding leads here: then it is the last bucket that has any.
        self.buckets.iter().rposition(|&b| b > 0.0).map_or(0.0, |last| lower_end(last + 1))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between the first and the last bucket")]
fn bucket(seconds: f64) -> usize {
    (((seconds / SHORTEST).ln() / RESOLUTION) as usize).min(BUCKETS - 1)
}

#[expect(clippy::cast_precision_loss, reason = "there are hundreds of buckets")]
fn lower_end(bucket: usize) -> f64 {
    SHORTEST * (bucket as f64 * RESOLUTION).exp()
}

impl Sums {
    fn one(seconds: f64, attempts: u32) -> Self {
        let log = seconds.ln();
        Self {
            weight: 1.0,
            latest: 1.0,
            attempts: f64::from(attempts.max(1)),
            seconds,
            squares: seconds * seconds,
            logs: log,
            log_squares: log * log,
        }
    }

    fn plus(&self, other: &Self) -> Self {
        Self {
            weight: self.weight + other.weight,
            latest: self.latest + other.latest,
            attempts: self.attempts + other.attempts,
            seconds: self.seconds + other.seconds,
            squares: self.squares + other.squares,
            logs: self.logs + other.logs,
            log_squares: self.log_squares + other.log_squares,
        }
    }

    fn times(&self, by: f64) -> Self {
        Self {
            weight: self.weight * by,
            latest: self.latest,
            attempts: self.attempts * by,
            seconds: self.seconds * by,
            squares: self.squares * by,
            logs: self.logs * by,
            log_squares: self.log_squares * by,
        }
    }
}

/// A sketch as it is stored: the buckets from the first to the last that has any weight, in
/// hundredths of an order.
#[derive(Serialize, Deserialize)]
struct Stored {
    at: i64,
    sums: Sums,
    first: usize,
    weights: Vec<u32>,
}

impl From<Sketch> for Stored {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates; weights are positive")]
    fn from(sketch: Sketch) -> Self {
        let weights: Vec<u32> = sketch.buckets.iter().map(|&b| (f64::from(b) * UNIT).round() as u32).collect();
        let first = weights.iter().position(|&w| w > 0).unwrap_or(0);
        let end = weights.iter().rposition(|&w| w > 0).map_or(first, |last| last + 1);
        Self {
            at: sketch.at.timestamp_millis(),
            sums: sketch.sums,
            first,
            weights: weights.get(first..end).map(<[u32]>::to_vec).unwrap_or_default(),
        }
    }
}

impl From<Stored> for Sketch {
    #[expect(clippy::cast_possible_truncation, reason = "hundredths of an order need no more")]
    fn from(stored: Stored) -> Self {
        let mut buckets = if stored.weights.is_empty() { Vec::new() } else { vec![0.0; BUCKETS] };
        // Weights beyond the last bucket were not written by this code.
        for (bucket, weight) in buckets.iter_mut().skip(stored.first).zip(stored.weights) {
            *bucket = (f64::from(weight) / UNIT) as f32;
        }
        Self { at: DateTime::from_timestamp_millis(stored.at).unwrap_or_default(), sums: stored.sums, buckets }
    }
}
