//! How long simulated work takes.

use std::{f64::consts::TAU, fmt, str::FromStr, time::Duration};

/// The longest mean, and the longest time that is ever drawn.
const MAX_SECONDS: f64 = 3_600.0;
/// The largest coefficient of variation: beyond it nearly every draw is tiny, and the rest meet [`MAX_SECONDS`].
const MAX_VARIATION: f64 = 10.0;

/// A distribution of durations, written `2`, `exp:2` or `lognormal:2:0.5`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JobDuration {
    mean: f64,
    shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Fixed,
    Exponential,
    /// With its coefficient of variation: the standard deviation divided by the mean.
    LogNormal(f64),
}

/// The text is not a distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
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
    #[must_use]
    pub fn fixed(duration: Duration) -> Self {
        Self { mean: duration.as_secs_f64().min(MAX_SECONDS), shape: Shape::Fixed }
    }

    /// The duration that two random numbers in `[0, 1)` draw, at most an hour.
    #[must_use]
    pub fn sample(&self, first: f64, second: f64) -> Duration {
        // 1 - u is in (0, 1], which has a logarithm.
        let minus_log = -(1.0 - first).ln();
        let seconds = match self.shape {
            Shape::Fixed => self.mean,
            Shape::Exponential => self.mean * minus_log,
            Shape::LogNormal(variation) => {
                // The logarithm's variance and mean that give this mean and variation, and a normal number by Box and
                // Muller: https://en.wikipedia.org/wiki/Log-normal_distribution#Arithmetic_moments
                let variance = (1.0 + variation * variation).ln();
                let normal = (2.0 * minus_log).sqrt() * (TAU * second).cos();
                (self.mean.ln() - variance / 2.0 + variance.sqrt() * normal).exp()
            }
        };
        Duration::from_secs_f64(seconds.clamp(0.0, MAX_SECONDS))
    }
}

impl FromStr for JobDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let parts: Vec<&str> = text.split(':').map(str::trim).collect();
        let (mean, shape) = match parts[..] {
            ["exp", mean] => (mean, Shape::Exponential),
            ["lognormal", mean, variation] => {
                let read = number(variation, MAX_VARIATION);
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

impl fmt::Display for JobDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = self.mean;
        match self.shape {
            Shape::Fixed => write!(f, "{mean}"),
            Shape::Exponential => write!(f, "exp:{mean}"),
            Shape::LogNormal(variation) => write!(f, "lognormal:{mean}:{variation}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The mean over an even grid of both random numbers: a test that draws nothing cannot fail by chance.
    fn mean_of(duration: &JobDuration) -> f64 {
        const N: u16 = 100;
        let grid = || (0..N).map(|i| (f64::from(i) + 0.5) / f64::from(N));
        let seconds = grid().flat_map(|a| grid().map(move |b| duration.sample(a, b).as_secs_f64()));
        seconds.sum::<f64>() / f64::from(N).powi(2)
    }

    fn written() -> impl Strategy<Value = String> {
        let (mean, variation) = (0.001..20.0, 0.0..1.0);
        (0..3, mean, variation).prop_map(|(shape, mean, variation): (i32, f64, f64)| match shape {
            0 => format!("{mean}"),
            1 => format!("exp:{mean}"),
            _ => format!("lognormal:{mean}:{variation}"),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_mean_is_the_one_that_was_asked_for(text in written()) {
            let duration: JobDuration = text.parse().unwrap();
            let mean = mean_of(&duration);
            prop_assert!((mean / duration.mean - 1.0).abs() < 0.03, "{text}: {mean}");
        }

        #[test]
        fn a_distribution_is_printed_as_it_is_written(text in written()) {
            let duration: JobDuration = text.parse().unwrap();
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }

        #[test]
        fn no_draw_is_longer_than_an_hour(a in 0.0..1.0, b in 0.0..1.0, mean in 0.0..=3600.0, variation in 0.0..=10.0) {
            for shape in [Shape::Fixed, Shape::Exponential, Shape::LogNormal(variation)] {
                let drawn = JobDuration { mean, shape }.sample(a, b);
                prop_assert!(drawn <= Duration::from_secs(3_600), "{drawn:?}");
            }
        }
    }

    #[test]
    fn no_work_takes_no_time() {
        for text in ["0", "exp:0", "lognormal:0:0.5"] {
            assert_eq!(text.parse::<JobDuration>().unwrap().sample(0.7, 0.2), Duration::ZERO, "{text}");
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
