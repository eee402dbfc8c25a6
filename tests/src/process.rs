//! Real programs as processes, to be stopped and killed.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::program;

/// A process that is killed when it is dropped.
pub struct Process(Child);

impl Process {
    /// Starts a program of the workspace with nothing of this environment but the path.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(name: &str, args: &[&str], variables: &[(&str, &str)]) -> Self {
        // The clients of these tests use TLS code; the first provider serves all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program(name));
        command.args(args).env_clear().env("PATH", path).envs(variables.iter().copied());
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("it starts"))
    }

    /// The first line that it prints, as JSON: `offload up --json` prints it once everything is
    /// ready.
    ///
    /// # Panics
    /// If it ends without one.
    pub fn ready(&mut self) -> Value {
        let mut line = String::new();
        let out = self.0.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"))
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    /// If it cannot.
    pub fn terminate(&self) {
        let id = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("to signal");
    }

    /// Sends SIGKILL and waits, so that nothing of the process runs any more.
    ///
    /// # Panics
    /// If it cannot.
    pub fn kill(&mut self) {
        self.0.kill().expect("to kill");
        self.0.wait().expect("to wait");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end within `patience`.
    pub async fn ended(&mut self, patience: Duration) -> ExitStatus {
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = self.0.try_wait().expect("to wait") {
                return status;
            }
            assert!(Instant::now() < end, "still running after {patience:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
