//! The stream of a client's connection: a write that makes no progress ends it, and nothing is read
//! from a client that does not read.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
    time::{Sleep, sleep},
};

/// The most that the kernel keeps of answers that a client has not read. The largest answer fits
/// into it, and with its own choice a client could make it keep megabytes.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// A client's stream.
pub(crate) struct ClientStream {
    stream: TcpStream,
    /// The longest that a write may make no progress.
    patience: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    backlog: Arc<AnswerBacklog>,
}

/// Whether an answer waits until the client reads.
#[derive(Debug, Default)]
pub(crate) struct AnswerBacklog {
    waits: AtomicBool,
    cleared: Notify,
}

impl AnswerBacklog {
    /// Waits until no answer waits. A request that was pipelined behind one costs nothing until
    /// then.
    pub(crate) async fn cleared(&self) {
        loop {
            let cleared = self.cleared.notified();
            if !self.waits.load(Ordering::Acquire) {
                return;
            }
            cleared.await;
        }
    }

    fn set(&self, waits: bool) {
        self.waits.store(waits, Ordering::Release);
        if !waits {
            self.cleared.notify_waiters();
        }
    }
}

impl ClientStream {
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> Self {
        // Answers are small: waiting to fill a packet would only delay them. A failure says that
        // the client has gone.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER_BYTES);
        Self { stream, patience, stalled: None, backlog: Arc::default() }
    }

    pub(crate) fn backlog(&self) -> Arc<AnswerBacklog> {
        Arc::clone(&self.backlog)
    }

    /// The result of a write, or an error if none has made progress for too long.
    fn progress<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.stalled.take().is_some() {
                self.backlog.set(false);
            }
            return written;
        }
        let patience = self.patience;
        let backlog = &self.backlog;
        let stalled = self.stalled.get_or_insert_with(|| {
            backlog.set(true);
            Box::pin(sleep(patience))
        });
        ready!(stalled.as_mut().poll(context));
        // What the client has not read is thrown away with the connection.
        let _ = self.stream.set_zero_linger();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // The write that waits wakes the task, which then reads on.
        if self.stalled.is_some() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.progress(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.progress(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    async fn pair(patience: Duration) -> (ClientStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        (ClientStream::new(accepted.unwrap().0, patience), client.unwrap())
    }

    /// Writes until the client's buffers are full, and returns how the write that waits ends.
    async fn fill(stream: &mut ClientStream) -> io::Error {
        let bytes = vec![b'x'; 64 * 1024];
        loop {
            if let Err(e) = stream.write_all(&bytes).await {
                return e;
            }
        }
    }

    #[tokio::test]
    async fn a_client_that_never_reads_is_given_up_after_its_time() {
        let (mut stream, client) = pair(Duration::from_millis(50)).await;
        assert_eq!(fill(&mut stream).await.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }

    #[tokio::test]
    async fn nothing_is_read_from_a_client_that_does_not_read() {
        let (mut stream, mut client) = pair(Duration::from_secs(60)).await;
        let backlog = stream.backlog();
        backlog.cleared().await;
        client.write_all(b"a pipelined request").await.unwrap();
        {
            let mut filling = std::pin::pin!(fill(&mut stream));
            while poll!(&mut filling).is_pending() && !backlog.waits.load(Ordering::Acquire) {
                tokio::task::yield_now().await;
            }
        }
        assert!(poll!(std::pin::pin!(backlog.cleared())).is_pending());
        let mut buffer = [0; 64];
        assert!(poll!(std::pin::pin!(stream.read(&mut buffer))).is_pending());
        // It reads: the write goes on, and so does the rest.
        let reading = tokio::spawn(async move {
            let mut sink = vec![0; 1024 * 1024];
            while client.read(&mut sink).await.is_ok_and(|n| n > 0) {}
        });
        stream.write_all(b"x").await.unwrap();
        backlog.cleared().await;
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        drop(stream);
        reading.await.unwrap();
    }
}
