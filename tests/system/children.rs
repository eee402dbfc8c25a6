//! The programs that work on orders, and how they end with the worker.

use std::{fs, path::Path, time::Duration};

use offload_tests::{ANYWHERE, Process, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Takes its order, says who it and its child are, and works for ever, whatever signal comes. It
/// has its order only when the watchdog knows of it.
const ENDLESS: &str = "trap '' TERM HUP; read -r order; sleep 1000 & echo $$ $! > ids; wait; sleep 1000";

/// A service whose work is a shell script, with one order that runs.
struct Running {
    process: Process,
    ready: Value,
    folder: tempfile::TempDir,
}

impl Running {
    async fn start(launcher: &[&str], script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("cd {}; {script}", folder.path().display());
        let command = json!(["sh", "-c", script]).to_string();
        let args = [&["up", "--json"], &ANYWHERE[..], &["--processor", "command", "--command", &command]].concat();
        let settings = [("OFFLOAD_SHUTDOWN_GRACE_SECONDS", "1")];
        let mut process = Process::start_by(launcher, "offload", &args, &settings);
        let ready = process.ready();
        let running = Self { process, ready, folder };
        running.post().await;
        running
    }

    async fn post(&self) {
        let url = format!("{}/order", self.ready["api"].as_str().unwrap());
        let order = json!({"kind": "report", "rows": 1});
        assert_eq!(reqwest::Client::new().post(url).json(&order).send().await.unwrap().status(), 202);
    }

    /// The ids of the program and of its child, which run.
    async fn ids(&self) -> Vec<u32> {
        eventually("the program runs", async || {
            let ids = fs::read_to_string(self.folder.path().join("ids")).ok()?;
            let ids: Vec<u32> = ids.split_whitespace().map(|id| id.parse().unwrap()).collect();
            (ids.len() == 2 && ids.iter().all(|&id| runs(id))).then_some(ids)
        })
        .await
    }
}

/// Whether a process runs; a zombie does not.
fn runs(id: u32) -> bool {
    state(id).is_some_and(|state| state != "Z")
}

/// The state of a process (proc(5)).
fn state(id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().next()?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_outlives_a_worker_that_is_killed() {
    let mut running = Running::start(&["env"], ENDLESS).await;
    let ids = running.ids().await;
    running.process.kill();
    eventually("the program and its child are gone", async || (!ids.iter().any(|&id| runs(id))).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watchdog_that_is_killed_is_replaced() {
    let mut running = Running::start(&["env"], ENDLESS).await;
    let ids = running.ids().await;
    let watchdog = || watchdogs(running.process.id()).first().copied();
    let first = eventually("it has been there for long", async || {
        let id = watchdog()?;
        // It counts as one that works when it has lived for a second.
        let age = fs::metadata(format!("/proc/{id}")).ok()?.modified().ok()?.elapsed().ok()?;
        (age > Duration::from_millis(1_500)).then_some(id)
    })
    .await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    // It is missed at the next change of the programs.
    running.post().await;
    eventually("another one", async || watchdog().filter(|&id| id != first)).await;
    let next = eventually("it knows of both", async || Some(running.ids().await).filter(|next| *next != ids)).await;
    running.process.kill();
    let both = [ids, next].concat();
    eventually("the programs are gone", async || (!both.iter().any(|&id| runs(id))).then_some(())).await;
}

/// The watchdogs of a worker: its children with that name.
fn watchdogs(worker: u32) -> Vec<u32> {
    let name = |id: u32| fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
    children(worker).into_iter().filter(|&id| runs(id) && name(id).ends_with("\0guard-programs\0")).collect()
}

fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(Path::new("/proc").join(process.to_string()).join("task")).into_iter().flatten();
    let ids = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    ids.flat_map(|ids| ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_signal_ends_a_worker_its_programs_end_too() {
    let signals = [Signal::HUP, Signal::QUIT, Signal::USR1, Signal::ALARM, Signal::XCPU];
    let ends = signals.map(async |signal| {
        let mut running = Running::start(&["env"], ENDLESS).await;
        let ids = running.ids().await;
        running.process.signal(signal);
        // A busy machine takes its time; the name of the signal is in the log of one that hangs.
        eprintln!("{signal:?} was sent to {}", running.process.id());
        let status = running.process.ended(Duration::from_secs(60)).await;
        assert!(status.success(), "{signal:?}: {status}");
        eventually("the program is gone", async || (!ids.iter().any(|&id| runs(id))).then_some(())).await;
    });
    futures_util::future::join_all(ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_that_is_ignored_stays_ignored() {
    let mut running = Running::start(&["sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""], ENDLESS).await;
    let ids = running.ids().await;
    running.process.signal(Signal::HUP);
    // It goes on: orders are taken, and programs run until a signal comes that is not ignored.
    running.post().await;
    assert!(ids.iter().all(|&id| runs(id)));
    running.process.terminate();
    assert!(running.process.ended(Duration::from_secs(20)).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn as_process_1_a_worker_leaves_no_zombies() {
    let unshare = ["unshare", "--user", "--map-root-user", "--fork", "--pid", "--mount-proc", "--kill-child"];
    let possible = std::process::Command::new(unshare[0]).args(&unshare[1..]).arg("true").output();
    if !possible.is_ok_and(|tried| tried.status.success()) {
        eprintln!("skipped: this machine does not let a user make a process namespace");
        return;
    }
    // What it leaves behind is in its group, and in a session of its own.
    let script = "sleep 60 & setsid sleep 0.1 & echo $$ $$ > ids; echo '{\"result\":1}'";
    let running = Running::start(&unshare, script).await;
    let first = eventually("process 1", async || children(running.process.id()).first().copied()).await;
    for _ in 0..10 {
        running.post().await;
    }
    eventually("every orphan is waited for", async || {
        let done = fs::read_to_string(running.folder.path().join("ids")).is_ok();
        let left = children(first);
        let zombies = left.iter().filter(|&&id| state(id).as_deref() == Some("Z")).count();
        (done && zombies == 0 && left.len() == watchdogs(first).len()).then_some(())
    })
    .await;
}
