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
///              + under_way^2/6
/// ```
///
/// where `M0` is what is counted. `excess` is a burst. It may be counted twice, as accepted and in
/// SQS's count, if that is younger than 3 s. But no more orders can be counted twice than SQS
/// counts at all: the first thousands of a burst meet an empty queue, and their number is exact.
/// Orders that are accepted at the same time reach the queue in any order. A new one overtakes any
/// number of the `under_way` that began before it, and is overtaken by any number of as many that
/// begin after it: two even distributions, of `under_way^2/12` each.
///
/// With exact counts `M` is their sum and `var_counts` is `(0.015*M0)^2`.
///
/// `M` is never less than [`unfinished`]: a count that is younger than 3 s has the start of a burst
/// already, and `left` would take off what nobody can have finished.
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
    /// Orders that this process is accepting now: none of them is known to be in the queue.
    pub under_way: f64,
    /// Orders accepted in the last 3 s that cannot have ended yet, by [`unfinished`].
    pub unfinished: f64,
    /// Messages waiting right now, where they are counted exactly. Replaces the six counts above.
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
            orders: (in_queue - left.min(in_queue)).max(self.unfinished),
            variance: 0.6 * (self.accepted_3s + flow)
                + (0.03 * counted).powi(2)
                + twice.powi(2)
                + self.under_way.powi(2) / 6.0,
        }
    }
}

/// How many of the orders accepted lately cannot have ended yet, where the workers end at most
/// `pace` a second: the greatest excess of what came over what can have left since then,
///
/// ```text
/// max over t of (accepted in the last t seconds - pace*t)
/// ```
///
/// which is Lindley's formula for a queue that was empty before. `accepted` has the seconds that
/// have passed since some orders came, and their number, the latest first.
pub fn unfinished(accepted: impl IntoIterator<Item = (f64, f64)>, pace: f64) -> f64 {
    let excess = accepted.into_iter().scan(0.0, |sum, (ago, orders)| {
        *sum += orders;
        Some(*sum - pace * ago)
    });
    excess.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_faster_than_it_can_leave_is_still_there() {
        let stream = |gap: f64| (0..30).map(move |n| (gap * f64::from(n), 1.0));
        assert!((unfinished([(0.5, 100.0)], 8.0) - 96.0).abs() < 1e-9);
        assert!((unfinished([(0.5, 100.0), (2.5, 1.0)], 8.0) - 96.0).abs() < 1e-9, "the one before has left");
        assert!((unfinished(stream(0.2), 8.0) - 1.0).abs() < 1e-9, "five a second come and eight can leave");
        assert!(unfinished([], 8.0).abs() < 1e-9);
    }

    #[test]
    fn orders_that_are_accepted_at_once_make_their_place_uncertain_and_no_later() {
        let alone = QueueState { accepted_3s: 120.0, unfinished: 120.0, ..QueueState::default() };
        let beside = QueueState { under_way: 60.0, ..alone };
        let (alone, beside) = (alone.ahead(16.0, 2.0), beside.ahead(16.0, 2.0));
        assert!((alone.orders - beside.orders).abs() < 1e-9);
        assert!((beside.variance - alone.variance - 600.0).abs() < 1e-9, "{alone:?} {beside:?}");
    }

    #[test]
    fn the_start_of_a_burst_is_not_taken_for_finished() {
        // The count is fresh, and has the first of the 320 that have just come.
        let unfinished = unfinished([(0.1, 320.0)], 8.0);
        let burst =
            QueueState { visible: 2.0, accepted_3s: 320.0, finished_3s: 12.0, unfinished, ..QueueState::default() };
        assert!((burst.ahead(16.0, 2.0).orders - 319.2).abs() < 1e-9, "{:?}", burst.ahead(16.0, 2.0));
    }

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
