//! What a reader starts and leaves running: `offload up`, or a server of their own.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command},
};

use serde_json::Value;

use super::process::{PATIENCE, end, spawn, until};

/// A process that is ended when it is dropped.
pub(crate) struct Service {
    child: Child,
    /// What it prints. Its errors are beside it.
    output: PathBuf,
}

impl Service {
    pub(crate) fn start(mut command: Command, output: PathBuf) -> Result<Self, String> {
        let child = spawn(&mut command, File::create(&output), File::create(output.with_extension("err")))?;
        Ok(Self { child, output })
    }

    /// The line by which `offload up --json` says that it is ready.
    pub(crate) fn ready(&self) -> Result<Value, String> {
        let line = || serde_json::from_str(fs::read_to_string(&self.output).ok()?.lines().next()?).ok();
        until(line).ok_or_else(|| self.not_ready())
    }

    /// Waits until it accepts connections at an address.
    pub(crate) fn accepts_at(&self, address: &str) -> Result<(), String> {
        until(|| TcpStream::connect(address).ok()).map(drop).ok_or_else(|| self.not_ready())
    }

    /// What it has printed so far, errors last.
    pub(crate) fn printed(&self) -> String {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        text(self.output.clone()) + &text(self.output.with_extension("err"))
    }

    fn not_ready(&self) -> String {
        format!("not ready after {PATIENCE:?}\n{}", self.printed())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}
