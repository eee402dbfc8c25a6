//! The chances of a simulation, which follow from its seed.

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

/// Random choices.
#[derive(Debug)]
pub(super) struct Dice(SmallRng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// Dice of its own for a part, so that what one part draws changes nothing for the others.
    pub(super) fn split(&mut self) -> Self {
        Self::new(self.0.random())
    }

    /// Whether something happens that happens at this rate.
    pub(super) fn chance(&mut self, rate: f64) -> bool {
        self.0.random::<f64>() < rate
    }

    /// A number from `low` to `high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.random_range(low..=high)
    }

    /// A rate up to `highest`, or none in half of the cases: runs in which few things fail find
    /// what runs in which everything fails do not.
    pub(super) fn rate(&mut self, highest: f64) -> f64 {
        if self.chance(0.5) { self.0.random::<f64>() * highest } else { 0.0 }
    }
}
