//! Tens of thousands of open connections on one machine: `just bench push --only crowd`.
//!
//! A process has only so many files open (`ulimit -n`), so there are several apis, and the clients
//! of each are a process of their own: `bench push-clients`.

use std::{
    collections::HashMap,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use offload_tests::{Setup, System};
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines, stdin},
    process::{Child, ChildStdout, Command},
    task::JoinSet,
    time::timeout,
};

use super::{
    api::Api,
    connections::{Connection, Kind, settle},
    latency::stop,
    order::{AT_ONCE, TrackedOrder, wait_until},
};
use crate::statistics::{ms, percentile};

#[derive(clap::Args)]
pub(crate) struct CrowdArgs {
    /// WebSockets in the crowd
    #[arg(long, default_value_t = 50_000)]
    crowd_websockets: usize,
    /// Event streams in the crowd
    #[arg(long, default_value_t = 20_000)]
    crowd_streams: usize,
    /// Connections to each api
    #[arg(long, default_value_t = 12_500)]
    crowd_of_each: usize,
    /// Events a second to the crowd
    #[arg(long, default_value_t = 1_000)]
    crowd_events: u32,
}

/// Connections that are subscribed to the same order: each of its changes is so many events.
const OF_AN_ORDER: usize = 50;
/// No event comes any more if none came for so long.
const QUIET: Duration = Duration::from_secs(10);

/// An api and the process of its clients.
struct Part {
    api: Api,
    kind: Kind,
    connections: usize,
    clients: Child,
    lines: Option<Lines<BufReader<ChildStdout>>>,
    before: u64,
}

pub(crate) async fn run(args: &CrowdArgs, seconds: u64) -> anyhow::Result<()> {
    let system = Setup { apis: 0, ..Setup::default() }.start().await;
    let other = Api::start(&system).await?;
    let count = (args.crowd_websockets + args.crowd_streams).div_ceil(OF_AN_ORDER);
    let orders = Arc::new(TrackedOrder::submit(&system, &other.url, count, None).await?);
    // Connections in a row belong to orders in a row, so that one order's are spread over the apis.
    let mut next = 0;
    let mut parts = Vec::new();
    for (kind, all) in [(Kind::WebSocket, args.crowd_websockets), (Kind::EventStream, args.crowd_streams)] {
        let mut left = all;
        while left > 0 {
            let connections = left.min(args.crowd_of_each);
            left -= connections;
            let subscribed: Vec<_> = (next..next + connections).map(|n| &*orders[n % count].receipt.id).collect();
            let tokens: Vec<_> = (next..next + connections).map(|n| &*orders[n % count].receipt.token).collect();
            next += connections;
            parts.push(part(&system, kind, &subscribed, &tokens).await?);
        }
    }
    settle().await;
    println!("| connections | | before, MiB | open, MiB | each, KiB |");
    println!("|---|---|---|---|---|");
    for part in &parts {
        let open = part.api.resident()?;
        let each = (open as f64 - part.before as f64) / part.connections as f64 / 1024.0;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (kind, before) = (part.kind.name(), mib(part.before));
        println!("| {} | {kind} | {before:.1} | {:.1} | {each:.1} |", part.connections, mib(open));
    }
    events(&system, &orders, &mut parts, args.crowd_events, seconds).await?;
    for mut part in parts {
        // The clients end at the end of their input, and the api has nobody left then.
        drop(part.clients.stdin.take());
        part.clients.wait().await?;
        part.api.stop().await?;
    }
    other.stop().await?;
    stop(system).await;
    Ok(())
}

/// Starts an api, and a process of clients that connect to it.
async fn part(system: &System, kind: Kind, orders: &[&str], tokens: &[&str]) -> anyhow::Result<Part> {
    let api = Api::start(system).await?;
    settle().await;
    let before = api.resident()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("push-clients").args(["--api", &api.url, "--kind", kind.argument()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut clients = command.spawn()?;
    let mut lines = BufReader::new(clients.stdout.take().context("a pipe")?).lines();
    let subscribed: String = orders.iter().zip(tokens).map(|(order, token)| format!("{order} {token}\n")).collect();
    let input = clients.stdin.as_mut().context("a pipe")?;
    input.write_all(subscribed.as_bytes()).await?;
    input.write_all(b"\n").await?;
    let line = lines.next_line().await?.context("the clients ended before they were connected")?;
    ensure!(line == "open", "the clients say {line:?}");
    Ok(Part { api, kind, connections: orders.len(), clients, lines: Some(lines), before })
}

/// Changes orders, and measures how long each event takes to its client.
async fn events(
    system: &System,
    orders: &Arc<Vec<TrackedOrder>>,
    parts: &mut [Part],
    rate: u32,
    seconds: u64,
) -> anyhow::Result<()> {
    let read = stream::iter(orders.iter()).map(|order| order.read(&system.stores));
    read.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    let changes_per_second = rate.div_ceil(u32::try_from(OF_AN_ORDER)?);
    let changes = usize::try_from(seconds)? * changes_per_second as usize;
    ensure!(changes <= orders.len(), "an order changes once, and there are {}: take fewer seconds", orders.len());
    let mut readers = JoinSet::new();
    for part in parts {
        let mut lines = part.lines.take().context("its clients are read once")?;
        readers.spawn(async move {
            let mut arrived = Vec::new();
            while let Ok(Ok(Some(line))) = timeout(QUIET, lines.next_line()).await {
                arrived.push(line);
            }
            arrived
        });
    }
    let (begun, mut publishing) = (Instant::now(), JoinSet::new());
    for n in 0..changes {
        wait_until(begun, Duration::from_secs(1) * u32::try_from(n)? / changes_per_second).await;
        let (stores, orders) = (system.stores.clone(), Arc::clone(orders));
        publishing.spawn(async move {
            let mut written = None;
            orders[n].publish(&stores, |revision, _| written = Some((revision, monotonic()))).await?;
            let (revision, at) = written.context("it was written")?;
            anyhow::Ok((format!("{} {revision}", orders[n].receipt.id), at))
        });
    }
    let mut written = HashMap::new();
    while let Some(change) = publishing.join_next().await {
        let (change, at) = change??;
        written.insert(change, at);
    }
    let mut latencies = Vec::new();
    while let Some(lines) = readers.join_next().await {
        for line in lines? {
            let (at, change) = line.split_once(' ').context("a time and a change")?;
            let Some(written) = written.get(change) else { continue };
            latencies.push(Duration::from_nanos(at.parse::<u64>()?.saturating_sub(*written)));
        }
    }
    let expected = changes * OF_AN_ORDER;
    ensure!(latencies.len() >= expected, "{} of {expected} events arrived", latencies.len());
    latencies.sort_unstable();
    let [p50, p99] = [0.5, 0.99].map(|share| ms(percentile(&latencies, share)));
    println!("\n{expected} events at {rate} a second: p50 {p50:.1} ms, p99 {p99:.1} ms");
    Ok(())
}

#[derive(clap::Args)]
pub(crate) struct ClientArgs {
    /// The api
    #[arg(long)]
    api: String,
    /// What to open
    #[arg(long)]
    kind: Kind,
}

/// Opens a connection for each line of standard input, an order and its token, up to an empty one;
/// prints `open`, and then each event: nanoseconds, order and revision. Ends with its input.
pub(crate) async fn clients(args: &ClientArgs) -> anyhow::Result<()> {
    super::raise_file_limit();
    // The client has TLS, though it speaks none to this machine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut input = BufReader::new(stdin()).lines();
    let mut subscribed = Vec::new();
    while let Some(line) = input.next_line().await?.filter(|line| !line.is_empty()) {
        let (order, token) = line.split_once(' ').context("an order and a token")?;
        subscribed.push((order.to_owned(), token.to_owned()));
    }
    let http = reqwest::Client::builder().tcp_nodelay(true).build()?;
    let connect = |(order, token): (String, String)| {
        let http = &http;
        async move { anyhow::Ok((Connection::open(http, &args.api, &order, &token, args.kind).await?, order)) }
    };
    let open: Vec<_> = stream::iter(subscribed).map(connect).buffer_unordered(AT_ONCE).try_collect().await?;
    println!("open");
    let mut readers = JoinSet::new();
    for (mut connection, order) in open {
        readers.spawn(async move {
            while let Some(revision) = connection.revision().await {
                println!("{} {order} {revision}", monotonic());
            }
        });
    }
    while input.next_line().await?.is_some() {}
    Ok(())
}

/// Nanoseconds of a clock that all processes share.
fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}
