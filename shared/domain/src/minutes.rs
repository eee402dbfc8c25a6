//! Counts of the last hour, by the minute. Pure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// So many minutes are kept.
pub const MINUTES: usize = 60;

/// What was counted in each of the last [`MINUTES`] minutes. It costs a few bytes of JSON where
/// nothing happens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Minutes {
    /// The number of the latest minute, from 1970.
    latest: i64,
    /// The count of that minute, then those before it.
    counts: Vec<f64>,
}

impl Minutes {
    /// Counts `n` at `now`.
    pub fn add(&mut self, n: f64, now: DateTime<Utc>) {
        let minute = number(now);
        if let Ok(new @ 1..) = usize::try_from(minute - self.latest) {
            let zeros = std::iter::repeat_n(0.0, new.min(MINUTES));
            self.counts.splice(0..0, zeros);
            self.counts.truncate(MINUTES);
            self.latest = minute;
        }
        // A clock that was set back counts on where it was.
        match self.counts.first_mut() {
            Some(count) => *count += n,
            None => self.counts.push(n),
        }
    }

    /// The counts of the last hour as of `now`: the oldest first, the running minute last.
    #[must_use]
    pub fn series(&self, now: DateTime<Utc>) -> [f64; MINUTES] {
        let mut series = [0.0; MINUTES];
        let age = number(now) - self.latest;
        for (n, count) in self.counts.iter().enumerate() {
            let back = i64::try_from(n).ok().and_then(|n| usize::try_from(age + n).ok());
            if let Some(place) = back.and_then(|back| series.get_mut(MINUTES.checked_sub(back + 1)?)) {
                *place = *count;
            }
        }
        series
    }
}

/// The sums of several, minute by minute.
pub fn sum<'a>(all: impl IntoIterator<Item = &'a Minutes>, now: DateTime<Utc>) -> [f64; MINUTES] {
    all.into_iter().map(|minutes| minutes.series(now)).fold([0.0; MINUTES], |mut sums, series| {
        sums.iter_mut().zip(series).for_each(|(sum, n)| *sum += n);
        sums
    })
}

fn number(t: DateTime<Utc>) -> i64 {
    t.timestamp().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000_000_020 + seconds)
    }

    #[test]
    fn what_is_counted_moves_with_the_time_and_leaves_after_an_hour() {
        let mut minutes = Minutes::default();
        minutes.add(1.0, at(0));
        minutes.add(2.0, at(59));
        minutes.add(4.0, at(180));
        let series = minutes.series(at(180));
        assert_eq!(series[MINUTES - 4..], [3.0, 0.0, 0.0, 4.0]);
        assert_eq!(minutes.series(at(240))[MINUTES - 5..], [3.0, 0.0, 0.0, 4.0, 0.0]);
        assert_eq!(minutes.series(at(180 + 3_540))[0], 4.0);
        assert_eq!(minutes.series(at(180 + 3_600)), [0.0; MINUTES]);
        minutes.add(1.0, at(100_000));
        assert_eq!(minutes.series(at(100_000)).iter().sum::<f64>(), 1.0);
        assert_eq!(minutes.counts.len(), MINUTES, "bounded");
    }

    #[test]
    fn a_clock_that_is_set_back_loses_nothing_and_panics_nowhere() {
        let mut minutes = Minutes::default();
        minutes.add(1.0, at(600));
        minutes.add(1.0, at(0));
        assert_eq!(minutes.series(at(600))[MINUTES - 1], 2.0);
        assert_eq!(minutes.series(at(0)), [0.0; MINUTES], "of the future nothing is known");
    }

    #[test]
    fn several_are_added_up() {
        let mut a = Minutes::default();
        a.add(1.0, at(0));
        let mut b = Minutes::default();
        b.add(2.0, at(60));
        assert_eq!(sum([&a, &b], at(60))[MINUTES - 2..], [1.0, 2.0]);
    }
}
