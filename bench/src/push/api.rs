//! The api as a process of its own.

use std::time::Duration;

use anyhow::Context as _;
use offload_tests::{Process, System, eventually, quiet_port};
use reqwest::StatusCode;

pub(crate) struct Api {
    process: Process,
    pub(crate) url: String,
}

impl Api {
    /// Starts it for a system without an api.
    pub(crate) async fn start(system: &System) -> anyhow::Result<Self> {
        let (listen, mut variables) = (format!("127.0.0.1:{}", quiet_port()), system.variables());
        let own = [
            ("OFFLOAD_LISTEN", listen.as_str()),
            ("OFFLOAD_LOG", "warn"),
            ("OFFLOAD_SHUTDOWN_GRACE_SECONDS", "60"),
            // All clients of a harness have one address.
            ("OFFLOAD_MAX_CONNECTIONS_PER_ADDRESS", "none"),
            ("OFFLOAD_MAX_REQUESTS_PER_SECOND", "none"),
            ("OFFLOAD_MAX_SUBSCRIBERS_PER_TENANT", "none"),
            ("OFFLOAD_MAX_OPEN_CONNECTIONS", "20000"),
        ];
        variables.retain(|(name, _)| own.iter().all(|(own, _)| name != own));
        let variables = variables.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let process = Process::start("offload-api", &[], &variables.chain(own).collect::<Vec<_>>());
        let api = Self { process, url: format!("http://{listen}") };
        eventually("the api is ready", async || {
            let response = system.http.get(format!("{}/readyz", api.url)).send().await;
            response.is_ok_and(|r| r.status() == StatusCode::OK).then_some(())
        })
        .await;
        Ok(api)
    }

    /// The resident memory of the process in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS: this needs Linux")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    /// Ends it by SIGTERM: every connection is closed, and its subscription deleted.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.process.terminate();
        let status = self.process.ended(Duration::from_secs(90)).await;
        anyhow::ensure!(status.success(), "the api ended with {status}");
        Ok(())
    }
}
