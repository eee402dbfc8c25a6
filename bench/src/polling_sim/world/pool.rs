//! The pool of workers: how it grows and shrinks.

use std::collections::VecDeque;

use offload_domain::history::{History, StartedTenants};

use super::{Event, Job, Worker, World};
use crate::polling_sim::queue::Change;

/// Seconds until the message of a dead worker is visible again.
const VISIBILITY: f64 = 30.0;
/// Lambda's pollers: the least number, and how many are added each second while messages wait.
pub(super) const POLLERS: usize = 5;
pub(super) const RAMP: f64 = 5.0;

impl World<'_> {
    /// Lambda adds pollers while messages wait, and removes idle ones.
    pub(super) fn grow(&mut self) {
        let step = 0.2;
        if self.waiting.is_empty() && self.quiet.is_empty() {
            let spare = self.pool.saturating_sub(self.busy.max(POLLERS));
            self.ramp -= (spare as f64) * 0.02 * step;
        } else {
            self.ramp += RAMP * step;
        }
        while self.ramp >= 1.0 {
            self.ramp -= 1.0;
            self.pool = (self.pool + 1).min(self.queue.concurrency);
        }
        while self.ramp <= -1.0 {
            self.ramp += 1.0;
            self.pool = self.pool.saturating_sub(1).max(self.busy).max(POLLERS);
        }
        self.plan(step, Event::Ramp);
    }

    pub(super) fn join(&mut self, workers: usize) {
        for _ in 0..workers {
            self.workers.push(Worker {
                alive: true,
                history: History::default(),
                learned: false,
                finished: VecDeque::new(),
                tenants: StartedTenants::default(),
                report: None,
            });
        }
    }

    pub(super) fn change(&mut self, change: Change) {
        let size = self.queue.concurrency / self.queue.workers;
        match change {
            Change::Join(workers) => {
                self.join(workers);
                self.pool += size * workers;
            }
            Change::Die(workers) => {
                for index in 0..workers {
                    self.workers[index].alive = false;
                    self.pool -= size;
                }
                for index in 0..self.orders.len() {
                    let order = &mut self.orders[index];
                    let runs = order.attempt > 0 && order.started > 0.0;
                    if runs && order.worker < workers && self.is_running(index) {
                        self.orders[index].epoch += 1;
                        let Job { tenant, lane, .. } = self.orders[index];
                        self.release(tenant, lane);
                        self.hidden += 1;
                        self.plan(VISIBILITY, Event::Visible(index));
                    }
                }
            }
            Change::Pace(pace) => self.pace = pace,
        }
    }

    fn is_running(&self, index: usize) -> bool {
        let order = &self.orders[index];
        self.events.iter().any(|t| t.2 == Event::End(index, order.epoch))
    }
}
