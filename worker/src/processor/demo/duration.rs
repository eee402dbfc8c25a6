//! How long simulated work takes.

use std::{str::FromStr, time::Duration};

use rand::Rng;
use rand_distr::{Distribution as _, Exp1, LogNormal};

/// The longest mean, and the longest time that is ever drawn.
const MAX_SECONDS: f64 = 3_600.0;
/// The largest coefficient of variation: beyond it nearly every draw is tiny, and the rest reach
/// [`MAX_SECONDS`].
const MAX_VARIATION: f64 = 10.0;

/// A distribution of durations, written `2`, `exp:2` or `lognormal:2:0.5`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct JobDuration {
    mean: f64,
    shape: Shape,
}

/// A distribution whose mean is 1.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Fixed,
    Exponential,
    LogNormal(LogNormal<f64>),
}

/// The text is not a distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidDuration {
    /// None of the known forms.
    #[error("write 2, exp:2 or lognormal:2:0.5 (mean seconds and coefficient of variation)")]
    Form,
    /// The mean is no number, or out of bounds.
    #[error("the mean \"{0}\" must be a number of seconds from 0 to {MAX_SECONDS}")]
    Mean(String),
    /// The coefficient of variation is no number, or out of bounds.
    #[error("the coefficient of variation \"{0}\" must be a number from 0 to {MAX_VARIATION}")]
    Variation(String),
}

impl JobDuration {
    /// Always the same time.
    #[cfg(test)]
    pub(super) fn fixed(duration: Duration) -> Self {
        Self { mean: duration.as_secs_f64(), shape: Shape::Fixed }
    }

    /// Draws a duration, at most an hour.
    pub(super) fn sample(&self, random: &mut impl Rng) -> Duration {
        let factor = match self.shape {
            Shape::Fixed => 1.0,
            Shape::Exponential => Exp1.sample(random),
            Shape::LogNormal(distribution) => distribution.sample(random),
        };
        Duration::from_secs_f64((self.mean * factor).min(MAX_SECONDS))
    }
}

impl FromStr for JobDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let parts: Vec<&str> = text.split(':').map(str::trim).collect();
        let (mean, shape) = match parts[..] {
            ["exp", mean] => (mean, Shape::Exponential),
            ["lognormal", mean, variation] => {
                let read = number(variation, MAX_VARIATION).and_then(|cv| LogNormal::from_mean_cv(1.0, cv).ok());
                (mean, Shape::LogNormal(read.ok_or_else(|| InvalidDuration::Variation(variation.to_owned()))?))
            }
            [mean] if mean.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+')) => {
                (mean, Shape::Fixed)
            }
            _ => return Err(InvalidDuration::Form),
        };
        let read = number(mean, MAX_SECONDS).ok_or_else(|| InvalidDuration::Mean(mean.to_owned()))?;
        Ok(Self { mean: read, shape })
    }
}

fn number(text: &str, max: f64) -> Option<f64> {
    text.parse().ok().filter(|n| (0.0..=max).contains(n))
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    /// Draws of a generator with a fixed seed: the test cannot fail by chance.
    fn draws(text: &str) -> Vec<f64> {
        let (duration, mut random): (JobDuration, _) = (text.parse().unwrap(), StdRng::seed_from_u64(7));
        (0..50_000).map(|_| duration.sample(&mut random).as_secs_f64()).collect()
    }

    fn mean(draws: &[f64]) -> f64 {
        draws.iter().sum::<f64>() / 50_000.0
    }

    #[test]
    fn the_mean_and_the_variation_are_those_that_were_set() {
        for (text, expected, variation) in
            [("2", 2.0, 0.0), ("exp:3", 3.0, 1.0), ("lognormal:2:0.5", 2.0, 0.5), ("lognormal:20:1", 20.0, 1.0)]
        {
            let draws = draws(text);
            let squares: Vec<f64> = draws.iter().map(|s| (s - expected).powi(2)).collect();
            let (found, deviation) = (mean(&draws), mean(&squares).sqrt());
            assert!((found / expected - 1.0).abs() < 0.03, "{text}: mean {found}");
            assert!((deviation / expected - variation).abs() < 0.1, "{text}: deviation {deviation}");
        }
    }

    #[test]
    fn no_draw_is_longer_than_an_hour() {
        for text in ["3600", "exp:3600", "lognormal:3600:10"] {
            assert!(draws(text).iter().all(|s| *s <= 3_600.0), "{text}");
        }
    }

    #[test]
    fn no_work_takes_no_time() {
        for text in ["0", "exp:0", "lognormal:0:0.5"] {
            assert_eq!(mean(&draws(text)), 0.0, "{text}");
        }
    }

    #[test]
    fn an_error_says_what_is_wrong() {
        let error = |text: &str| text.parse::<JobDuration>().unwrap_err();
        for text in ["", "two", "normal:2", "exp", "exp:1:2", "lognormal:2", "1:2"] {
            assert_eq!(error(text), InvalidDuration::Form, "{text}");
        }
        for text in ["-1", "3601", "2s", "exp:x", "exp:inf", "exp:NaN", "lognormal:-2:0.5"] {
            assert!(matches!(error(text), InvalidDuration::Mean(_)), "{text}");
        }
        assert_eq!(
            error("lognormal:2:50%").to_string(),
            "the coefficient of variation \"50%\" must be a number from 0 to 10"
        );
    }
}
