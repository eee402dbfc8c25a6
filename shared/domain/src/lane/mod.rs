//! The queues of orders, and what of a worker's permits each of them gets. Pure.

mod permits;
mod usage;
mod weights;

use serde::{Deserialize, Serialize};

pub use permits::{Permits, kept};
pub use usage::Usage;
pub use weights::Weights;

/// How urgent an order is, by its client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// It may wait for the others.
    Low,
    /// Of orders that say nothing.
    #[default]
    Normal,
    /// It goes before the others.
    High,
}

impl Priority {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// The priority of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Low, Self::Normal, Self::High].into_iter().find(|priority| priority.as_str() == word)
    }

    /// Whether it is that of orders that say nothing.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}

/// One of the queues of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Of tenants that use less than their share: see [`Usage`].
    Quiet,
    /// Of urgent orders.
    High,
    /// Of those that say nothing. Every deployment has it.
    Normal,
    /// Of those that may wait.
    Low,
}

impl Lane {
    /// All of them, the first to be asked first.
    pub const ALL: [Self; 4] = [Self::Quiet, Self::High, Self::Normal, Self::Low];

    /// Of the permits that become free while all lanes have work, each gets as many as this in
    /// their sum.
    #[must_use]
    pub fn weight(self) -> f64 {
        match self {
            Self::Quiet | Self::High => 8.0,
            Self::Normal => 4.0,
            Self::Low => 1.0,
        }
    }

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The share of the permits that it has beside other lanes with work.
    #[must_use]
    pub fn share(self, others: impl IntoIterator<Item = Self>) -> f64 {
        let sum: f64 = others.into_iter().filter(|other| *other != self).map(Self::weight).sum();
        self.weight() / (self.weight() + sum)
    }
}

impl From<Priority> for Lane {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_has_its_weight_of_the_permits() {
        assert!((Lane::High.share([Lane::High, Lane::Normal, Lane::Low]) - 8.0 / 13.0).abs() < 1e-9);
        assert!((Lane::Low.share([Lane::Normal]) - 0.2).abs() < 1e-9);
        assert!((Lane::Low.share([]) - 1.0).abs() < 1e-9);
        assert!(Lane::ALL.iter().enumerate().all(|(n, lane)| lane.index() == n));
    }

    #[test]
    fn a_priority_is_one_of_three_words() {
        for (word, priority) in [("low", Priority::Low), ("normal", Priority::Normal), ("high", Priority::High)] {
            assert_eq!((Priority::of(word), priority.as_str()), (Some(priority), word));
            assert_eq!(serde_json::from_value::<Priority>(word.into()).unwrap(), priority);
        }
        assert_eq!(Priority::of("HIGH"), None);
    }
}
