//! The counts of the queue, and how many orders are ahead of a new one.

/// The effective age of SQS's counts, in seconds.
const COUNTS_AGE: f64 = 3.0;

/// The counts of the queue when an order is accepted, without that order.
///
/// SQS's counts are approximate and about 3 s old. So the orders ahead of a new one are those
/// counted, plus those accepted since, less those finished since. With
/// `in_queue = visible + min(in_flight, c) + accepted_3s`,
///
/// ```text
/// M          = in_queue - min(left, in_queue)
/// left       = 3c/s if visible > 0 (then every worker is busy), else finished_3s
/// flow       = min(3c/s, accepted_3s + finished_3s)
/// excess     = accepted_3s + finished_3s - flow
/// var_counts = 0.6*(accepted_3s + flow) + (0.03*M0)^2 + min(0.385*excess, M0 + 0.1*excess)^2
/// ```
///
/// where `M0` is what is counted. `excess` is a burst. It may be counted twice, as accepted and in
/// SQS's count, if that is younger than 3 s. But no more orders can be counted twice than SQS
/// counts at all: the first thousands of a burst meet an empty queue, and their number is exact.
/// With exact counts `M` is their sum and `var_counts` is `(0.015*M0)^2`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QueueState {
    /// Messages waiting, as SQS counts them.
    pub visible: f64,
    /// Messages being worked on, as SQS counts them.
    pub in_flight: f64,
    /// Orders accepted in the last 3 s, as far as this process knows.
    pub accepted_3s: f64,
    /// Orders finished in the last 3 s, as far as this process knows.
    pub finished_3s: f64,
    /// Messages waiting right now, where they are counted exactly. Replaces the four counts above.
    pub exact_visible: Option<f64>,
    /// Messages being worked on right now, where they are counted exactly.
    pub exact_in_flight: Option<f64>,
}

/// The orders that are worked on before a new one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ahead {
    /// Their number, `M`.
    pub(super) orders: f64,
    /// The variance of that number, `var_counts`.
    pub(super) variance: f64,
}

impl QueueState {
    /// The orders ahead, with `c` orders worked on at once and `s` seconds per order.
    pub(super) fn ahead(&self, c: f64, s: f64) -> Ahead {
        match self.exact_visible {
            Some(visible) => self.exactly(visible, c),
            None => self.approximately(c, s),
        }
    }

    fn exactly(&self, visible: f64, c: f64) -> Ahead {
        // While orders wait, every worker has one.
        let working = self.exact_in_flight.unwrap_or(if visible > 0.0 { c } else { self.in_flight });
        let orders = visible + working.min(c);
        Ahead { orders, variance: (0.015 * orders).powi(2) }
    }

    fn approximately(&self, c: f64, s: f64) -> Ahead {
        let working = self.exact_in_flight.unwrap_or(self.in_flight).min(c);
        let counted = self.visible + working;
        let in_queue = counted + self.accepted_3s;
        let can_finish = COUNTS_AGE * c / s;
        let left = if self.visible > 0.0 { can_finish } else { self.finished_3s };
        let changes = self.accepted_3s + self.finished_3s;
        let flow = can_finish.min(changes);
        let excess = changes - flow;
        let twice = (0.385 * excess).min(counted + 0.1 * excess);
        Ahead {
            orders: in_queue - left.min(in_queue),
            variance: 0.6 * (self.accepted_3s + flow) + (0.03 * counted).powi(2) + twice.powi(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_accepted_after_the_count_are_ahead_finished_ones_are_not() {
        let queue = QueueState { in_flight: 4.0, accepted_3s: 3.0, finished_3s: 2.0, ..QueueState::default() };
        assert!((queue.ahead(10.0, 10.0).orders - 5.0).abs() < 1e-9);
        let busy = QueueState { visible: 40.0, in_flight: 12.0, ..queue };
        assert!((busy.ahead(10.0, 10.0).orders - (40.0 + 10.0 + 3.0 - 3.0)).abs() < 1e-9);
    }

    #[test]
    fn exact_counts_are_used_as_they_are() {
        let queue = QueueState {
            visible: 999.0,
            accepted_3s: 50.0,
            exact_visible: Some(7.0),
            exact_in_flight: Some(3.0),
            ..QueueState::default()
        };
        let ahead = queue.ahead(10.0, 10.0);
        assert!((ahead.orders - 10.0).abs() < 1e-9 && ahead.variance < 0.1, "{ahead:?}");
    }
}
