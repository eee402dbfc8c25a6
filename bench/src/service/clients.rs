//! Clients of an api: each keeps a connection open and submits one order after the other.
//!
//! They write the same bytes again and again and read no more of an answer than its status and its
//! length, because they share a core with the double.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use offload_tests::orders;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// Headers of an answer that are read.
const HEADERS_MAX: usize = 64;

/// What clients do with an answer.
#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nothing yet: the program warms up.
    Warming,
    /// They count it.
    Measuring,
    /// They stop.
    Stopped,
}

/// Clients that submit orders until they are stopped.
pub(super) struct Clients {
    phase: Arc<AtomicU8>,
    accepted: Arc<AtomicUsize>,
    tasks: JoinSet<anyhow::Result<Vec<Duration>>>,
}

impl Clients {
    pub(super) fn start(count: usize, api: SocketAddr) -> Self {
        let (phase, accepted) = (Arc::new(AtomicU8::new(Phase::Warming as u8)), Arc::default());
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            tasks.spawn(submit_until_stopped(api, Arc::clone(&phase), Arc::clone(&accepted)));
        }
        Self { phase, accepted, tasks }
    }

    /// Orders that were accepted so far.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Stops them. How long each measured order took to be accepted, in order of length.
    pub(super) async fn stop(mut self) -> anyhow::Result<Vec<Duration>> {
        self.enter(Phase::Stopped);
        let mut all = Vec::new();
        while let Some(times) = self.tasks.join_next().await {
            all.extend(times??);
        }
        all.sort_unstable();
        Ok(all)
    }
}

/// Submits `count` orders by clients that take turns.
pub(super) async fn submit(count: usize, clients: usize, api: SocketAddr) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for n in 0..clients {
        let share = count / clients + usize::from(n < count % clients);
        tasks.spawn(async move {
            let mut client = Client::connect(api).await?;
            for _ in 0..share {
                client.order().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// Submits one order; whether it was accepted, with an answer as it should be.
pub(super) async fn is_ready(api: SocketAddr) -> bool {
    let Ok(mut client) = Client::connect(api).await else { return false };
    client.order().await.is_ok()
}

/// What an order was answered with.
pub(super) async fn answer(api: SocketAddr) -> anyhow::Result<Value> {
    let mut client = Client::connect(api).await?;
    let length = client.order().await?;
    let body = client.read.get(client.read.len() - length..).unwrap_or_default();
    serde_json::from_slice(body).context("the answer to an order is no JSON")
}

async fn submit_until_stopped(
    api: SocketAddr,
    phase: Arc<AtomicU8>,
    accepted: Arc<AtomicUsize>,
) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::connect(api).await?;
    let mut times = Vec::new();
    loop {
        let begun = Instant::now();
        client.order().await?;
        accepted.fetch_add(1, Ordering::Relaxed);
        match phase.load(Ordering::Relaxed) {
            p if p == Phase::Measuring as u8 => times.push(begun.elapsed()),
            p if p == Phase::Stopped as u8 => return Ok(times),
            _ => {}
        }
    }
}

struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    /// The last answer.
    read: Vec<u8>,
}

impl Client {
    async fn connect(api: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(api).await?;
        stream.set_nodelay(true)?;
        let body = orders::fulfilment().to_string();
        let request = format!(
            "POST /order HTTP/1.1\r\nhost: {api}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Ok(Self { stream, request: request.into_bytes(), read: Vec::with_capacity(8 * 1024) })
    }

    /// Submits an order; the length of the answer's body.
    async fn order(&mut self) -> anyhow::Result<usize> {
        self.stream.write_all(&self.request).await?;
        self.read.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.read).await? > 0, "the connection was closed before an answer");
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut answer = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(head) = answer.parse(&self.read)? else { continue };
            let status = answer.code.unwrap_or_default();
            let length = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
            let length: usize = std::str::from_utf8(length.context("an answer states no length")?.value)?.parse()?;
            if self.read.len() < head + length {
                continue;
            }
            ensure!(
                status == 202,
                "an order was answered with {status}: {}",
                String::from_utf8_lossy(&self.read[head..])
            );
            return Ok(length);
        }
    }
}
