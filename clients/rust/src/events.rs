//! One stream of server-sent events.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use sse_stream::{Sse, SseByteStream};
use tokio::time::timeout;

/// The service sends something every 15 s. A stream that is silent for three times as long is dead.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// The largest event that is read, in bytes: a status object is a tenth of it.
const EVENT_MAX_BYTES: usize = 256 * 1024;

/// An open stream.
pub(crate) struct EventStream {
    events: Pin<Box<dyn Stream<Item = Result<Sse, sse_stream::Error>> + Send>>,
    /// Bytes received since the last event.
    unread: Arc<AtomicUsize>,
    /// The id of the last event, to resume after it.
    pub(crate) last_id: Option<String>,
}

impl EventStream {
    pub(crate) fn new(response: reqwest::Response, last_id: Option<String>) -> Self {
        let unread = Arc::new(AtomicUsize::new(0));
        let state = (response, Arc::clone(&unread));
        // Comments keep a stream alive and are no events, so that silence is measured here.
        let chunks = stream::unfold(state, |(mut response, unread)| async {
            let chunk = timeout(SILENCE_MAX, response.chunk()).await.ok()?.ok()??;
            let fits = unread.fetch_add(chunk.len(), Relaxed) <= EVENT_MAX_BYTES;
            fits.then_some((Ok::<_, Infallible>(chunk), (response, unread)))
        });
        Self { events: Box::pin(SseByteStream::new(chunks)), unread, last_id }
    }

    /// The data of the next event; `None` if the stream has ended, broken off, or fallen silent.
    /// Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            let event = self.events.next().await?.ok()?;
            self.unread.store(0, Relaxed);
            self.last_id = event.id.or(self.last_id.take());
            if let Some(data) = event.data.filter(|data| !data.is_empty()) {
                return Some(data);
            }
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("last_id", &self.last_id).finish_non_exhaustive()
    }
}
