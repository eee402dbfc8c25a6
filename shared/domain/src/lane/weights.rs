//! Which lane the next permit is for.
//!
//! Start-time fair queueing (Goyal, Vin and Cheng, 1996): each permit moves its lane's clock on by
//! one part of its weight, and the lane that is furthest behind comes next. A lane that had no work
//! begins at the time of the others, so that it saves up nothing. While all have work, 13 permits
//! go to 8 high, 4 normal and 1 low orders; what one of them does not need goes to the others; and
//! as every permit moves the clock of its lane past the others, none of them starves.

use super::Lane;

/// How far each lane has come.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Weights {
    passed: [f64; Lane::ALL.len()],
    /// Where the lane was that got the latest permit.
    now: f64,
}

impl Weights {
    /// The lane, of those that ask, that comes next.
    #[must_use]
    pub fn next(&self, asking: impl IntoIterator<Item = Lane>) -> Option<Lane> {
        asking.into_iter().min_by(|a, b| self.start(*a).total_cmp(&self.start(*b)).then(a.cmp(b)))
    }

    /// A lane has got permits.
    #[expect(clippy::cast_precision_loss, reason = "a thousand permits at most")]
    pub fn taken(&mut self, lane: Lane, permits: usize) {
        if permits > 0 {
            self.now = self.start(lane);
            self.passed[lane.index()] = self.now + permits as f64 / lane.weight();
        }
    }

    fn start(&self, lane: Lane) -> f64 {
        self.passed[lane.index()].max(self.now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PRIORITIES: [Lane; 3] = [Lane::High, Lane::Normal, Lane::Low];

    fn served(weights: &mut Weights, asking: &[Lane], permits: usize) -> [usize; 3] {
        let mut served = [0; 3];
        for _ in 0..permits {
            let lane = weights.next(asking.iter().copied()).unwrap();
            weights.taken(lane, 1);
            served[lane.index() - 1] += 1;
        }
        served
    }

    #[test]
    fn while_all_have_work_each_gets_its_weight_and_none_starves() {
        let mut weights = Weights::default();
        assert_eq!(served(&mut weights, &PRIORITIES, 1_300), [800, 400, 100]);
        assert_eq!(weights.next([]), None);
    }

    #[test]
    fn what_a_lane_does_not_need_goes_to_the_others() {
        let mut weights = Weights::default();
        assert_eq!(served(&mut weights, &[Lane::Normal, Lane::Low], 1_000), [0, 800, 200]);
        assert_eq!(served(&mut weights, &[Lane::Low], 50), [0, 0, 50]);
        // It has saved up nothing, and owes nothing for what it got while nobody else asked.
        let [high, normal, low] = served(&mut weights, &PRIORITIES, 130);
        assert!(high.abs_diff(80) <= 8 && normal.abs_diff(40) <= 4 && low >= 1, "{high} {normal} {low}");
    }

    proptest! {
        #[test]
        fn a_lane_that_asks_is_served_soon_whatever_came_before(
            batches in prop::collection::vec(1usize..=10, 0..60), lane in 0usize..3,
        ) {
            let mut weights = Weights::default();
            for batch in batches {
                let next = weights.next(PRIORITIES).unwrap();
                weights.taken(next, batch);
            }
            let mut waited = 0;
            while weights.next(PRIORITIES) != Some(PRIORITIES[lane]) {
                let next = weights.next(PRIORITIES).unwrap();
                weights.taken(next, 1);
                waited += 1;
            }
            // What goes to the others while one works off its last batch of ten.
            prop_assert!(waited <= 10 * 12 + 13, "{}", waited);
        }
    }
}
