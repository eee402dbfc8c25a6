//! The api beside functions that other teams would write.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context as _;
use offload_tests::{Function, http_api_request, orders};
use serde_json::json;

use super::{Times, header};
use crate::{
    service::{Program, functions},
    stub::Stub,
};

pub(super) async fn run(rounds: usize) -> anyhow::Result<()> {
    let stub = Stub::start((Ipv4Addr::LOCALHOST, 0).into()).await?;
    let functions = functions(&stub)?;
    let mut all: Vec<(&Program, Times)> = functions.iter().map(|function| (function, Times::default())).collect();
    // The functions alternate, so that all meet the same machine.
    for _ in 0..rounds {
        for (program, times) in &mut all {
            once(program, times).await.with_context(|| program.name.clone())?;
        }
    }
    header();
    for (program, times) in all {
        println!("{}", times.row(&program.name));
    }
    Ok(())
}

async fn once(program: &Program, times: &mut Times) -> anyhow::Result<()> {
    let order = orders::fulfilment().to_string();
    let order = http_api_request("POST", "/order", &json!({"content-type": "application/json"}), Some(&order));
    let path = found(&program.path).with_context(|| format!("{} is not here", program.path.display()))?;
    let url = "https://api.example.com";
    let own = [("OFFLOAD_PUBLIC_URL", url), ("PUBLIC_URL", url), ("OFFLOAD_LOG", "off")];
    let mut variables: Vec<(&str, &str)> = program.variables.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    variables.extend(own);
    let args: Vec<&str> = program.args.iter().map(String::as_str).collect();
    let path = path.to_str().context("a path is no text")?;
    let begun = Instant::now();
    let function = Function::start_program(path, &args, &variables).await;
    times.invoked(function, begun, order.clone(), order).await
}

/// The whole path of a program.
fn found(program: &Path) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}
