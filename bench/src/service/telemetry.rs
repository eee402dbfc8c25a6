//! What telemetry costs the api for an order: nothing sent, a hundredth of the traces, and all.

use std::{io::Write as _, path::PathBuf, time::Duration};

use axum::{Router, body::Bytes, routing::post};
use tokio::net::TcpListener;

use super::{Load, apis, figures::ApiRound, ours, pinned, pinned::Cores, running::Program};
use crate::stub::Stub;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measurements of each, which take turns
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Clients that submit orders, each one after the other
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// Seconds of each, after as many to warm up
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Measure this offload-api
    #[arg(long, value_name = "PATH")]
    api: Option<PathBuf>,
    /// Measure this one too, without telemetry: one of before, to compare with
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let cores = Cores::divide()?;
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    pinned::on(&cores.harness, || runtime()?.block_on(measure(args, &cores)))?
}

async fn measure(args: &Args, cores: &Cores) -> anyhow::Result<()> {
    let stub = Stub::start(([127, 0, 0, 1], 0).into()).await?;
    let collector = collector().await?;
    let measured = Duration::try_from_secs_f64(args.seconds)?;
    let load = Load {
        rounds: args.rounds,
        clients: args.clients,
        latency: Duration::from_millis(2),
        warm_up: measured,
        measured,
    };
    let api = |name: &str, more: &[(&str, &str)]| {
        let program = ours::api(name, args.api.as_deref(), &stub);
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Program { variables: program.variables.into_iter().chain(more).collect(), ..program }
    };
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str());
    let sampled = [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.01")];
    let mut programs = vec![api("off", &[])];
    programs.extend(args.against.as_deref().map(|path| ours::api("against", Some(path), &stub)));
    programs.push(api("a hundredth", &[endpoint, sampled[0], sampled[1]]));
    programs.push(api("all", &[endpoint]));
    let all = apis::measure(&programs, &load, &stub, cores).await?;

    let mut out = std::io::stdout();
    writeln!(out, "| telemetry | processor time an order | to \"off\" | p50 | p99 | resident under load |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    let off = all[0].median(|r: &ApiRound| r.processor_us);
    for rounds in &all {
        let of = |value: fn(&ApiRound) -> f64| rounds.median(value);
        writeln!(
            out,
            "| {} | {:.0} µs | {:.2} | {:.2} ms | {:.2} ms | {:.1} MB |",
            rounds.name,
            of(|r| r.processor_us),
            of(|r| r.processor_us) / off,
            of(|r| r.p50_ms),
            of(|r| r.p99_ms),
            of(|r| r.loaded_mb),
        )?;
    }
    Ok(())
}

/// A collector that takes everything; its URL.
async fn collector() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let take = async |_: Bytes| {};
    let routes = Router::new().route("/v1/traces", post(take)).route("/v1/metrics", post(take));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(url)
}
