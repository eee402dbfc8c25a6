//! The estimate for one of several queues of orders.

use super::QueueState;
use crate::lane::Lane;

impl QueueState {
    /// The queue of a lane as an order meets it beside others, and the part of `concurrency` that
    /// works on it: by its weight, while orders wait in the lanes `waiting`.
    ///
    /// While orders wait in another lane every worker has one. Then one of this lane waits for the
    /// next permit, even if its own queue is empty.
    #[must_use]
    pub fn beside(self, lane: Lane, waiting: impl Iterator<Item = Lane>, concurrency: f64) -> (Self, f64) {
        if lane == Lane::Quiet {
            // A permit is kept free for it.
            return (Self { exact_visible: Some(0.0), exact_in_flight: Some(0.0), ..self }, concurrency);
        }
        let others: Vec<Lane> = waiting.filter(|other| *other != lane).collect();
        if others.is_empty() {
            return (self, concurrency);
        }
        let share = lane.share(others);
        let own = concurrency * share;
        (Self { exact_in_flight: Some(own), finished_3s: self.finished_3s * share, ..self }, own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eta::{ServiceTimes, estimate};

    const PRIORITIES: [Lane; 3] = [Lane::High, Lane::Normal, Lane::Low];

    fn p50(lane: Lane, visible: f64, waiting: &[Lane]) -> f64 {
        let queue = QueueState { visible, ..QueueState::default() };
        let (queue, concurrency) = queue.beside(lane, waiting.iter().copied(), 13.0);
        estimate(&queue, &ServiceTimes::configured(10.0), concurrency).p50
    }

    #[test]
    fn an_urgent_order_waits_for_a_permit_and_not_for_the_backlog() {
        let alone = p50(Lane::High, 0.0, &[]);
        let beside = p50(Lane::High, 0.0, &[Lane::Normal]);
        assert!(beside > alone && beside - alone < 2.0, "{alone} {beside}");
    }

    #[test]
    fn a_backlog_is_worked_off_by_the_weight_of_its_lane() {
        let alone = p50(Lane::Low, 130.0, &[Lane::Low]);
        assert!((alone - 100.0).abs() < 15.0, "{alone}");
        let beside = p50(Lane::Low, 130.0, &PRIORITIES);
        assert!((beside - 1_300.0).abs() < 50.0, "{beside}");
        let normal = p50(Lane::Normal, 130.0, &PRIORITIES);
        assert!((normal - 325.0).abs() < 25.0, "{normal}");
    }
}
