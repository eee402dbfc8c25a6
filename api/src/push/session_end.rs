//! How a WebSocket ends.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use tokio::time::{sleep, timeout};
use tungstenite::error::ProtocolError;

/// The longest that a client may take to read a Close frame.
const SEND_MAX: Duration = Duration::from_secs(10);
/// The longest that a client may take to answer one.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Why a session ends.
pub(super) enum SessionEnd {
    /// The connection is gone.
    ClientGone,
    /// The client closes it.
    ClosedByClient,
    /// The server closes it, with a code and a reason.
    Closed(u16, &'static str),
    /// The same, after the client broke the protocol: nothing that it sends can be read any more.
    Broken(u16, &'static str),
}

impl SessionEnd {
    /// What ends a connection whose next message cannot be read (RFC 6455 §7.4.1).
    pub(super) fn unreadable(error: axum::Error) -> Self {
        match error.into_inner().downcast_ref::<tungstenite::Error>() {
            Some(tungstenite::Error::Capacity(_)) => Self::Broken(close_code::SIZE, "the message is too long"),
            Some(tungstenite::Error::Utf8(_)) => Self::Broken(close_code::INVALID, "the text is not UTF-8"),
            // It came without a Close frame.
            Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Self::ClientGone,
            Some(tungstenite::Error::Protocol(_)) => Self::Broken(close_code::PROTOCOL, "this is no WebSocket frame"),
            _ => Self::ClientGone,
        }
    }

    /// Ends the connection as RFC 6455 §7.1 has it: with a Close frame of its own, or the answer to
    /// the client's, and not before the client has read it.
    pub(super) async fn close(self, mut socket: WebSocket) {
        let (code, reason, readable) = match self {
            Self::ClientGone => return,
            // The library has prepared the answer, and sends it before it reads on.
            Self::ClosedByClient => {
                let _ = timeout(ANSWER_MAX, socket.recv()).await;
                return;
            }
            Self::Closed(code, reason) => (code, reason, true),
            Self::Broken(code, reason) => (code, reason, false),
        };
        let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
        if !matches!(timeout(SEND_MAX, socket.send(close)).await, Ok(Ok(()))) {
            return;
        }
        if readable {
            let answered = async { while let Some(Ok(_)) = socket.recv().await {} };
            let _ = timeout(ANSWER_MAX, answered).await;
        } else {
            // To close now, with bytes that are not read, would reset the connection under the
            // Close frame.
            sleep(ANSWER_MAX).await;
        }
    }
}
