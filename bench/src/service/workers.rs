//! Measures the workers, in rounds that take turns. The work itself takes no time: what is left is
//! what a message costs.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use offload_tests::quiet_port;
use tokio::time::{Instant, sleep};

use super::{
    Load, WARM_AFTER,
    apis::since,
    clients,
    figures::{Rounds, WorkerRound},
    pinned::Cores,
    running::Program,
};
use crate::stub::Stub;

/// Messages that are put into the queue when it has fewer than half of them.
const REFILL: usize = 4_000;
/// How often the queue is filled up.
const FILLS: Duration = Duration::from_millis(50);
/// An idle program has had so long to settle.
const SETTLES: Duration = Duration::from_millis(500);

/// Measures each program once in every round, with orders as `api` makes them.
pub(super) async fn measure(
    programs: &[Program],
    api: &Program,
    load: &Load,
    stub: &Stub,
    cores: &Cores,
) -> anyhow::Result<Vec<Rounds<WorkerRound>>> {
    let mut all: Vec<_> =
        programs.iter().map(|p| Rounds { name: p.name.clone(), rounds: Vec::with_capacity(load.rounds) }).collect();
    for round in 1..=load.rounds {
        for (program, rounds) in programs.iter().zip(&mut all) {
            stub.set_latency(Duration::ZERO);
            stub.keep(true);
            let order = an_order(api, stub, cores).await.context("cannot make an order for the workers")?;
            let measured = once(program, &order, load, stub, cores).await.with_context(|| program.name.clone())?;
            eprintln!(
                "round {round}, {}: {:.0} us, {:.0} messages/s, {:.1} and {:.1} MB, {:.2} calls a message, {:.0} % of its \
                 core",
                program.name,
                measured.processor_us,
                measured.messages_per_second,
                measured.idle_mb,
                measured.loaded_mb,
                measured.calls_per_message,
                measured.busy * 100.0
            );
            rounds.rounds.push(measured);
        }
    }
    stub.keep(false);
    Ok(all)
}

/// The row and the message of one order.
type Order = (String, String);

/// Has an api make an order, and takes it out of the double.
pub(super) async fn an_order(api: &Program, stub: &Stub, cores: &Cores) -> anyhow::Result<Order> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, quiet_port()));
    let mut running = api.start(cores, &[("OFFLOAD_LISTEN", address.to_string())])?;
    running.until(async || clients::is_ready(address).await).await?;
    let order = stub.one_order().context("the double has no row or no message")?;
    stub.keep(true);
    Ok(order)
}

async fn once(
    program: &Program,
    order: &Order,
    load: &Load,
    stub: &Stub,
    cores: &Cores,
) -> anyhow::Result<WorkerRound> {
    let receives = |stub: &Stub| stub.calls().get("sqs.ReceiveMessage").copied().unwrap_or(0);
    let before = receives(stub);
    let mut running = program.start(cores, &[])?;
    running.until(async || receives(stub) > before).await?;
    sleep(SETTLES).await;
    let idle_mb = running.resident()? as f64 / 1e6;
    let mut made = 0;
    let is_warm = || usize::try_from(stub.deleted()).is_ok_and(|deleted| deleted >= WARM_AFTER);
    for _ in 0..10 {
        work_until(Instant::now() + load.warm_up, order, &mut made, stub).await;
        if is_warm() {
            break;
        }
    }
    // What is counted are orders that begin and end in between.
    running.until(async || stub.is_at_rest()).await?;
    let (deleted, calls, time, begun) = (stub.deleted(), stub.calls(), running.processor_time()?, Instant::now());
    work_until(begun + load.measured, order, &mut made, stub).await;
    running.until(async || stub.is_at_rest()).await?;
    let (deleted, calls) = (stub.deleted() - deleted, since(&stub.calls(), &calls));
    let (time, took) = (running.processor_time()? - time, begun.elapsed().as_secs_f64());
    ensure!(deleted > 0, "it ended no order in {took:.1} s: {}", running.last_words());
    let messages = deleted as f64;
    Ok(WorkerRound {
        processor_us: time * 1e6 / messages,
        messages_per_second: messages / took,
        idle_mb,
        loaded_mb: running.resident()? as f64 / 1e6,
        calls_per_message: calls.values().sum::<u64>() as f64 / messages,
        puts_per_message: calls.get("s3.PutObject").copied().unwrap_or(0) as f64 / messages,
        writes_per_message: calls.get("dynamodb.UpdateItem").copied().unwrap_or(0) as f64 / messages,
        busy: time / took,
    })
}

/// Keeps the queue filled until then.
pub(super) async fn work_until(end: Instant, order: &Order, made: &mut usize, stub: &Stub) {
    while Instant::now() < end {
        if stub.waiting() < REFILL / 2 {
            stub.add_orders(order, *made..*made + REFILL);
            *made += REFILL;
        }
        sleep(FILLS).await;
    }
}
