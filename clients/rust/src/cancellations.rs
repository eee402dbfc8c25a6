//! Cancellations that this client has requested. Callers that wait for the order with the same
//! client are notified at once, and need not sit out a schedule that was made for the whole work.

use std::collections::VecDeque;

use tokio::sync::watch;

use crate::{response::ApiResponse, view::StatusView};

type Cancelled = ApiResponse<StatusView>;

/// The most that are remembered, for callers that wait later.
const REMEMBERED: usize = 64;

/// The api's responses to the cancellations of one client, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Cancellations(watch::Sender<VecDeque<Cancelled>>);

impl Cancellations {
    /// Remembers a response.
    pub(crate) fn add(&self, response: Cancelled) {
        self.0.send_modify(|responses| {
            responses.retain(|known| known.body.object.id != response.body.object.id);
            responses.truncate(REMEMBERED - 1);
            responses.push_front(response);
        });
    }

    /// Waits for the response for this order.
    pub(crate) async fn of(&self, id: &str) -> Cancelled {
        let find = |known: &VecDeque<Cancelled>| known.iter().find(|r| r.body.object.id == id).cloned();
        let mut responses = self.0.subscribe();
        loop {
            if let Some(response) = find(&responses.borrow_and_update()) {
                return response;
            }
            // The sender lives as long as this call: it is borrowed.
            drop(responses.changed().await);
        }
    }
}
