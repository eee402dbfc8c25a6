//! How long to wait, and where the result goes.

use std::{path::PathBuf, time::Duration};

use clap::Args;

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WaitOptions {
    /// Stop waiting after this many seconds; the order goes on [default: no limit]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) timeout: Option<Duration>,
    /// Write the result to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

impl WaitOptions {
    /// Whether any is set.
    pub(crate) fn is_set(&self) -> bool {
        self.timeout.is_some() || self.output.is_some()
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}
