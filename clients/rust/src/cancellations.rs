//! What the api answered when it was asked to cancel an order: whoever waits for that order with the same client hears of
//! it at once, and need not sit out a schedule that was made for the whole work.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::status::StatusView;

/// So many are remembered for those who wait later.
const REMEMBERED: usize = 64;

/// The cancellations that one client has asked for.
#[derive(Debug, Default)]
pub(crate) struct Cancellations {
    asked: Mutex<VecDeque<StatusView>>,
    news: Notify,
}

impl Cancellations {
    /// Notes an answer.
    pub(crate) fn add(&self, view: StatusView) {
        let mut asked = self.locked();
        asked.retain(|known| known.object.id != view.object.id);
        if asked.len() == REMEMBERED {
            asked.pop_front();
        }
        asked.push_back(view);
        drop(asked);
        self.news.notify_waiters();
    }

    /// The answer for an order, once there is one.
    pub(crate) async fn of(&self, id: &str) -> StatusView {
        loop {
            let news = self.news.notified();
            if let Some(view) = self.locked().iter().find(|view| view.object.id == id) {
                return view.clone();
            }
            news.await;
        }
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<StatusView>> {
        // Nothing panics while the lock is held.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
