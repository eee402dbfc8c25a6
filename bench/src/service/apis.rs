//! Measures the apis, in rounds that take turns.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use offload_tests::quiet_port;
use tokio::time::{Instant, sleep};

use super::{
    Load,
    clients::{self, Clients, Phase},
    figures::{ApiRound, Rounds},
    pinned::Cores,
    running::Program,
};
use crate::{
    statistics::{ms, percentile},
    stub::Stub,
};

/// Calls that are made for every order: the others are the same however many orders there are.
const OF_ORDERS: [&str; 4] = ["dynamodb.PutItem", "dynamodb.TransactWriteItems", "s3.PutObject", "sqs.SendMessage"];

/// Orders whose calls are counted.
const COUNTED: usize = 100;

/// An idle program has had so long to settle.
const SETTLES: Duration = Duration::from_millis(500);

/// Measures each program once in every round.
pub(super) async fn measure(
    programs: &[Program],
    load: &Load,
    stub: &Stub,
    cores: &Cores,
) -> anyhow::Result<Vec<Rounds<ApiRound>>> {
    let mut all: Vec<_> =
        programs.iter().map(|p| Rounds { name: p.name.clone(), rounds: Vec::with_capacity(load.rounds) }).collect();
    stub.keep(false);
    for round in 1..=load.rounds {
        for (program, rounds) in programs.iter().zip(&mut all) {
            let measured = once(program, load, stub, cores).await.with_context(|| program.name.clone())?;
            eprintln!(
                "round {round}, api {}: {:.0} us, {:.0} orders/s, p50 {:.2} ms, p99 {:.2} ms; p50 {:.2} ms with {} ms a call; \
                 {:.1} and {:.1} MB; {:.2} calls an order; {:.0} % of its core",
                program.name,
                measured.processor_us,
                measured.orders_per_second,
                measured.p50_ms,
                measured.p99_ms,
                measured.slow_p50_ms,
                load.latency.as_millis(),
                measured.idle_mb,
                measured.loaded_mb,
                measured.calls_per_order,
                measured.busy * 100.0
            );
            rounds.rounds.push(measured);
        }
    }
    Ok(all)
}

async fn once(program: &Program, load: &Load, stub: &Stub, cores: &Cores) -> anyhow::Result<ApiRound> {
    let port = quiet_port();
    let api = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    stub.set_latency(Duration::ZERO);
    let own = [("OFFLOAD_LISTEN", api.to_string()), ("PORT", port.to_string())];
    let mut running = program.start(cores, &own)?;
    running.until(async || clients::is_ready(api).await).await?;
    let answer = clients::answer(api).await?;
    ensure!(answer["status_url"].as_str().is_some_and(|url| url.contains("X-Amz-Signature=")), "no URL: {answer}");
    sleep(SETTLES).await;
    let idle_mb = running.resident()? as f64 / 1e6;

    let clients = Clients::start(load.clients, api);
    load.warm(|| clients.accepted()).await;
    let (time, begun) = (running.processor_time()?, Instant::now());
    clients.enter(Phase::Measuring);
    sleep(load.measured).await;
    clients.enter(Phase::Warming);
    let (time, took) = (running.processor_time()? - time, begun.elapsed().as_secs_f64());
    let loaded_mb = running.resident()? as f64 / 1e6;
    let times = clients.stop().await?;
    ensure!(!times.is_empty(), "it accepted no order in {took:.1} s");
    let orders = times.len() as f64;

    let calls = stub.calls();
    clients::submit(COUNTED, load.clients, api).await?;
    let calls = since(&stub.calls(), &calls);
    let of_orders: u64 = OF_ORDERS.iter().filter_map(|call| calls.get(*call)).sum();

    stub.set_latency(load.latency);
    let clients = Clients::start(1, api);
    sleep(load.warm_up / 4).await;
    clients.enter(Phase::Measuring);
    sleep(load.measured / 2).await;
    let slow = clients.stop().await?;
    stub.set_latency(Duration::ZERO);
    ensure!(!slow.is_empty(), "it accepted no order with {:?} a call", load.latency);

    Ok(ApiRound {
        processor_us: time * 1e6 / orders,
        orders_per_second: orders / took,
        p50_ms: ms(percentile(&times, 0.5)),
        p99_ms: ms(percentile(&times, 0.99)),
        slow_p50_ms: ms(percentile(&slow, 0.5)),
        slow_p99_ms: ms(percentile(&slow, 0.99)),
        idle_mb,
        loaded_mb,
        calls_per_order: of_orders as f64 / COUNTED as f64,
        busy: time / took,
    })
}

/// The calls since then.
pub(super) fn since(now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    now.iter().map(|(call, count)| (call.clone(), count - before.get(call).copied().unwrap_or(0))).collect()
}
