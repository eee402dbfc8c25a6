//! The subscription to one order's server-sent events.

use crate::{
    clock::{sleep, unit_random},
    events::EventStream,
    http::Http,
    receipt::Receipt,
    retry,
};

/// A subscription, which is resumed once if it breaks off.
#[derive(Debug)]
pub(crate) struct Subscription {
    url: String,
    attempts: u32,
    stream: Option<EventStream>,
    /// The last event received, to resume after it.
    last_id: Option<String>,
}

impl Subscription {
    /// The subscription that the service offers in the receipt, not yet opened.
    pub(crate) fn offered(receipt: &Receipt) -> Option<Self> {
        let url = receipt.links.as_ref()?.events.clone()?;
        Some(Self { url, attempts: 0, stream: None, last_id: None })
    }

    /// The next status object, as text; `None` if the service pushes no more. Dropping the future
    /// loses nothing.
    pub(crate) async fn next(&mut self, http: &Http, receipt: &Receipt) -> Option<String> {
        loop {
            if let Some(stream) = &mut self.stream {
                let data = stream.next().await;
                if data.is_some() {
                    return data;
                }
                self.last_id = stream.last_id.take();
                self.stream = None;
            }
            if self.attempts == retry::SUBSCRIBE_ATTEMPTS {
                return None;
            }
            if self.attempts > 0 {
                // A server that stops has many subscribers: they should not all reconnect at once.
                sleep(retry::RESUBSCRIBE_BACKOFF.delay(1, unit_random())).await;
            }
            let stream = http.subscribe(&self.url, receipt, self.last_id.clone()).await;
            self.attempts += 1;
            self.stream = Some(stream?);
        }
    }
}
