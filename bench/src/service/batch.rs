//! Measures how many orders a second `POST /orders` accepts, while the api, the double of AWS and
//! the clients share all cores of the machine.

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use offload_tests::{orders, quiet_port};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::sleep,
};

use super::{apis, clients, ours, pinned::Cores};
use crate::{statistics::median, stub::Stub};

/// Calls that are made for orders: the others are the same however many orders there are.
const OF_ORDERS: [&str; 4] =
    ["dynamodb.PutItem", "dynamodb.TransactWriteItems", "s3.PutObject", "sqs.SendMessageBatch"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Orders of a batch
    #[arg(long, default_value_t = 1_000)]
    orders: usize,
    /// Clients, each of which submits one batch after the other
    #[arg(long, default_value_t = 3)]
    clients: usize,
    /// Measurements
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each, after as many to warm up
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Measure this offload-api
    #[arg(long, value_name = "PATH")]
    api: Option<PathBuf>,
}

/// What one round has measured.
struct Round {
    orders_per_second: f64,
    /// Of the api.
    processor_us: f64,
    /// Of the api, the double and the clients.
    whole_processor_us: f64,
    calls_per_order: f64,
    resident_mb: f64,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let stub = Stub::start(([127, 0, 0, 1], 0).into()).await?;
    let program = ours::api("offload-api", args.api.as_deref(), &stub);
    let mut rounds = Vec::with_capacity(args.rounds);
    for round in 1..=args.rounds {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, quiet_port()));
        let mut running = program.start(&Cores::shared()?, &[("OFFLOAD_LISTEN", address.to_string())])?;
        running.until(async || clients::is_ready(address).await).await?;
        let accepted = Arc::new(AtomicUsize::new(0));
        let stopped = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..args.clients {
            tasks.spawn(submit(address, args.orders, Arc::clone(&accepted), Arc::clone(&stopped)));
        }
        sleep(Duration::from_secs_f64(args.seconds)).await;
        let (before, calls, begun) = (accepted.load(Ordering::Relaxed), stub.calls(), Instant::now());
        let (api, harness) = (running.processor_time()?, own_processor_time()?);
        sleep(Duration::from_secs_f64(args.seconds)).await;
        let orders = (accepted.load(Ordering::Relaxed) - before) as f64;
        let took = begun.elapsed().as_secs_f64();
        let (api, harness) = (running.processor_time()? - api, own_processor_time()? - harness);
        let calls = apis::since(&stub.calls(), &calls);
        let resident_mb = running.resident()? as f64 / 1e6;
        stopped.store(true, Ordering::Relaxed);
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        ensure!(orders > 0.0, "no batch was accepted in {took:.1} s: {}", running.last_words());
        let of_orders: u64 = OF_ORDERS.iter().filter_map(|call| calls.get(*call)).sum();
        let measured = Round {
            orders_per_second: orders / took,
            processor_us: api * 1e6 / orders,
            whole_processor_us: (api + harness) * 1e6 / orders,
            calls_per_order: of_orders as f64 / orders,
            resident_mb,
        };
        eprintln!(
            "round {round}: {:.0} orders/s, {:.1} us of the api, {:.1} us in all, {:.3} calls an order, {:.1} MB",
            measured.orders_per_second,
            measured.processor_us,
            measured.whole_processor_us,
            measured.calls_per_order,
            measured.resident_mb
        );
        rounds.push(measured);
    }
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value));
    let mut out = std::io::stdout();
    writeln!(out, "| batch of | orders/s | api, an order | with double and clients | calls an order | resident |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    writeln!(
        out,
        "| {} | {:.0} | {:.0} µs | {:.0} µs | {:.2} | {:.1} MB |",
        args.orders,
        of(|r| r.orders_per_second),
        of(|r| r.processor_us),
        of(|r| r.whole_processor_us),
        of(|r| r.calls_per_order),
        of(|r| r.resident_mb),
    )?;
    Ok(())
}

/// Submits batches until it is stopped. It reads no more of an answer than that all are accepted.
async fn submit(
    api: SocketAddr,
    orders: usize,
    accepted: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(api).await?;
    stream.set_nodelay(true)?;
    let body = serde_json::to_string(&vec![orders::fulfilment(); orders])?;
    let request = format!(
        "POST /orders HTTP/1.1\r\nhost: {api}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let expected = format!("{{\"accepted\":{orders},\"refused\":0,");
    let mut read = Vec::with_capacity(4 * 1024 * 1024);
    while !stopped.load(Ordering::Relaxed) {
        stream.write_all(request.as_bytes()).await?;
        read.clear();
        let body = loop {
            ensure!(stream.read_buf(&mut read).await? > 0, "the connection was closed before an answer");
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut answer = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(head) = answer.parse(&read)? else { continue };
            let length = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
            let length: usize = std::str::from_utf8(length.context("an answer states no length")?.value)?.parse()?;
            let mut left = (head + length).saturating_sub(read.len());
            while left > 0 {
                let some = stream.read_buf(&mut read).await?;
                ensure!(some > 0, "the connection was closed within an answer");
                left = left.saturating_sub(some);
            }
            break head;
        };
        let start = read.get(body..).unwrap_or_default();
        ensure!(
            start.starts_with(expected.as_bytes()),
            "not all were accepted: {:.400}",
            String::from_utf8_lossy(start)
        );
        accepted.fetch_add(orders, Ordering::Relaxed);
    }
    Ok(())
}

/// User and system time of this process so far, in seconds.
fn own_processor_time() -> anyhow::Result<f64> {
    super::running::processor_time("/proc/self/stat")
}
