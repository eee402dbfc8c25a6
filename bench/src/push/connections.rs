//! Many open connections, each subscribed to an order of its own.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::ValueEnum;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use offload_tests::{EventStream, Receipt, Socket};
use tokio::{sync::mpsc, task::JoinSet, time::sleep};

use super::{
    api::Api,
    order::{AT_ONCE, TrackedOrder},
};

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Kind {
    #[value(name = "websocket")]
    WebSocket,
    #[value(name = "event-stream")]
    EventStream,
}

impl Kind {
    pub(crate) const BOTH: [Self; 2] = [Self::WebSocket, Self::EventStream];

    /// As an argument of a program.
    pub(super) fn argument(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::EventStream => "event-stream",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "WebSocket",
            Self::EventStream => "event stream",
        }
    }
}

pub(super) enum Connection {
    WebSocket(Box<Socket>),
    EventStream(Box<EventStream>),
}

impl Connection {
    /// Connects and receives the order as it is: from then on it gets every change.
    pub(super) async fn open(
        http: &reqwest::Client,
        api: &str,
        id: &str,
        token: &str,
        kind: Kind,
    ) -> anyhow::Result<Self> {
        let mut connection = match kind {
            Kind::WebSocket => {
                let url = format!("{}/ws?token={token}", api.replacen("http", "ws", 1));
                let socket = Socket::open(&url).await;
                Self::WebSocket(Box::new(socket.map_err(|status| anyhow::anyhow!("the api responded {status}"))?))
            }
            Kind::EventStream => {
                let request = http.get(format!("{api}/order/{id}/events")).bearer_auth(token);
                Self::EventStream(Box::new(EventStream::of(request.send().await?)))
            }
        };
        connection.revision().await.context("the order as it is")?;
        Ok(connection)
    }

    /// The revision of the next event.
    pub(super) async fn revision(&mut self) -> Option<u64> {
        match self {
            Self::WebSocket(socket) => socket.next().await?["revision"].as_u64(),
            Self::EventStream(stream) => stream.next().await?.id.parse().ok(),
        }
    }
}

/// An event that has arrived.
pub(crate) struct Arrival {
    pub(crate) order: usize,
    pub(crate) revision: u64,
    pub(crate) at: Instant,
}

/// Connections, each read by a task of its own. They end when this is dropped, or the api ends.
pub(crate) struct Connections {
    pub(crate) arrivals: mpsc::UnboundedReceiver<Arrival>,
    _readers: JoinSet<()>,
}

impl Connections {
    /// Opens one for each order; the kinds alternate.
    pub(crate) async fn open(api: &Api, orders: &Arc<Vec<TrackedOrder>>, kinds: &[Kind]) -> anyhow::Result<Self> {
        // Without a time limit for a whole response, which an event stream would reach.
        let http = reqwest::Client::builder().tcp_nodelay(true).build()?;
        let connect = |n: usize| {
            let http = &http;
            async move {
                let kind = kinds[n % kinds.len()];
                let Receipt { id, token, .. } = &orders[n].receipt;
                anyhow::Ok((n, Connection::open(http, &api.url, id, token, kind).await?))
            }
        };
        let open: Vec<_> = stream::iter(0..orders.len()).map(connect).buffer_unordered(AT_ONCE).try_collect().await?;
        let (sender, arrivals) = mpsc::unbounded_channel();
        let mut readers = JoinSet::new();
        for (order, mut connection) in open {
            let sender = sender.clone();
            readers.spawn(async move {
                while let Some(revision) = connection.revision().await {
                    let _ = sender.send(Arrival { order, revision, at: Instant::now() });
                }
            });
        }
        Ok(Self { arrivals, _readers: readers })
    }
}

/// Long enough for what has just begun to end, and for heartbeats.
pub(crate) async fn settle() {
    sleep(Duration::from_secs(20)).await;
}
