//! Real programs as processes, to be stopped and killed.

use std::{
    fs::Permissions,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::program;

/// A process that is killed when it is dropped.
pub struct Process {
    child: Child,
    /// Of a program that was copied.
    _folder: Option<TempDir>,
}

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
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        Self { child: command.spawn().expect("it starts"), _folder: None }
    }

    /// The same by a launcher such as `nohup`, which gets the program and its arguments.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_by(launcher: &[&str], name: &str, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(launcher[0]);
        command.args(&launcher[1..]).arg(program(name)).args(args);
        command.env_clear().env("PATH", path).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        Self { child: command.spawn().expect("it starts"), _folder: None }
    }

    /// The same as a user without privileges: root may read whatever others may not.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_unprivileged(name: &str, args: &[&str], variables: &[(&str, &str)]) -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self::start(name, args, variables);
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Nobody may be unable to enter the folder of the programs.
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().expect("a folder");
        let copy = folder.path().join(name);
        std::fs::copy(program(name), &copy).expect("to copy the program");
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(copy).args(args);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).envs(variables.iter().copied()).current_dir("/tmp");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        Self { child: command.spawn().expect("setpriv starts it"), _folder: Some(folder) }
    }

    /// The first line that it prints, as JSON: `offload up --json` prints it once everything is
    /// ready.
    ///
    /// # Panics
    /// If it ends without one.
    pub fn ready(&mut self) -> Value {
        let mut line = String::new();
        let out = self.child.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"))
    }

    /// Reads whatever it prints, as Lambda does: a pipe that nobody reads stops who writes to it.
    ///
    /// # Panics
    /// If somebody reads it already.
    pub fn read_away(&mut self) {
        let mut out = self.child.stdout.take().expect("it is piped");
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    /// If it cannot.
    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// If it cannot.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
        rustix::process::kill_process(id, signal).expect("to signal");
    }

    /// Sends SIGKILL and waits, so that nothing of the process runs any more.
    ///
    /// # Panics
    /// If it cannot.
    pub fn kill(&mut self) {
        self.child.kill().expect("to kill");
        self.child.wait().expect("to wait");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end within `patience`.
    pub async fn ended(&mut self, patience: Duration) -> ExitStatus {
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("to wait") {
                return status;
            }
            assert!(Instant::now() < end, "still running after {patience:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
