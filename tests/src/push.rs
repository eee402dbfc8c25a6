//! Subscribers as anybody could write them: event streams and WebSockets.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::PATIENCE;

/// One event of a stream of server-sent events.
#[derive(Debug, Clone, PartialEq)]
pub struct SseEvent {
    /// Its id.
    pub id: String,
    /// Its data as JSON.
    pub data: Value,
}

/// A stream of server-sent events, parsed as the HTML standard says.
pub struct EventStream {
    response: reqwest::Response,
    buffer: String,
    /// What came before the first event: `retry` and comments.
    pub preamble: String,
}

impl EventStream {
    /// The stream of a response.
    ///
    /// # Panics
    /// If the response is no event stream.
    #[must_use]
    pub fn of(response: reqwest::Response) -> Self {
        let media = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
        assert_eq!((response.status().as_u16(), media), (200, "text/event-stream"));
        Self { response, buffer: String::new(), preamble: String::new() }
    }

    /// The next event; `None` at the end.
    ///
    /// # Panics
    /// If none comes within [`PATIENCE`], or what comes is no event.
    pub async fn next(&mut self) -> Option<SseEvent> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                let field = |name: &str| {
                    let lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                    lines.map(|v| v.strip_prefix(' ').unwrap_or(v)).collect::<Vec<_>>().join("\n")
                };
                let data = field("data");
                if data.is_empty() {
                    self.preamble += &block;
                    continue;
                }
                let data = serde_json::from_str(&data).unwrap_or_else(|e| panic!("{e}: {data}"));
                return Some(SseEvent { id: field("id"), data });
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("an event in time");
            match chunk {
                Ok(Some(bytes)) => self.buffer += &String::from_utf8_lossy(&bytes),
                // A server that was killed breaks off.
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Every event up to the end.
    pub async fn rest(&mut self) -> Vec<SseEvent> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

/// An open WebSocket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects; or the status code of the refusal.
    ///
    /// # Errors
    /// The refusal's status code.
    ///
    /// # Panics
    /// If there is no response.
    pub async fn open(url: &str) -> Result<Self, u16> {
        match connect_async(url).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(e) => panic!("{e}"),
        }
    }

    /// Sends a message.
    ///
    /// # Panics
    /// If the connection has broken.
    pub async fn send(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.expect("to send");
    }

    /// The next message as JSON; `None` if the connection has ended.
    ///
    /// # Panics
    /// If none comes within [`PATIENCE`].
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// Events up to the final one.
    ///
    /// # Panics
    /// If the connection ends before.
    pub async fn until_done(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let event = self.next().await.expect("the final event");
            let done = event["data"]["done"] == true;
            all.push(event);
            if done {
                return all;
            }
        }
    }
}
