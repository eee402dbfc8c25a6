//! Protection of a task of ECS: while it is protected, neither scaling in nor a deployment stops
//! it.
//!
//! A task that is stopped has its grace period for what runs, so protection is for work that lasts
//! longer than that: it is asked for once an order has been worked on for as long, and given back
//! when no such work runs. Work that is shorter would only keep ECS from replacing the task.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html>

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use reqwest::{Client, redirect};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// The agent of ECS says by this variable where it is; nobody else sets it.
const AGENT: &str = "ECS_AGENT_URI";

/// A worker that is gone without having given it back is protected for no longer.
const EXPIRES_IN_MINUTES: u64 = 10;
const RENEW_AFTER: Duration = Duration::from_secs(3 * 60);
const CHECK_EVERY: Duration = Duration::from_secs(1);
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The work that runs, by when it began.
#[derive(Debug, Default)]
pub(crate) struct Work {
    running: Mutex<BTreeSet<(Instant, u64)>>,
    count: AtomicU64,
}

/// Work that has begun. Dropped when it has ended.
#[derive(Debug)]
pub(crate) struct Begun<'a> {
    work: &'a Work,
    entry: (Instant, u64),
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.work.running.lock().remove(&self.entry);
    }
}

impl Work {
    /// Work begins.
    pub(crate) fn begin(&self) -> Begun<'_> {
        let entry = (Instant::now(), self.count.fetch_add(1, Ordering::Relaxed));
        self.running.lock().insert(entry);
        Begun { work: self, entry }
    }

    fn oldest(&self) -> Option<Duration> {
        self.running.lock().first().map(|(begun, _)| begun.elapsed())
    }
}

/// What to ask of the agent, if anything: `worth` is the age from which work is protected, `held`
/// how long ago protection was granted.
fn decide(oldest: Option<Duration>, worth: Duration, held: Option<Duration>) -> Option<bool> {
    match (oldest.is_some_and(|age| age >= worth), held) {
        (true, None) => Some(true),
        (true, Some(held)) if held >= RENEW_AFTER => Some(true),
        (false, Some(_)) => Some(false),
        (true, Some(_)) | (false, None) => None,
    }
}

/// Keeps the task protected while work runs that is older than `worth`. Returns at once where there
/// is no agent of ECS.
pub(crate) async fn keep(work: Arc<Work>, worth: Duration) {
    let Ok(agent) = std::env::var(AGENT) else { return };
    let builder = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(ANSWER_TIMEOUT);
    // It is on this machine, by http.
    let http = match builder.tls_certs_only([]).build() {
        Ok(http) => http,
        Err(e) => {
            tracing::warn!(error = %e, "long work is not protected from ECS");
            return;
        }
    };
    let url = format!("{}/task-protection/v1/state", agent.trim_end_matches('/'));
    let (mut granted, mut failed) = (None::<Instant>, false);
    loop {
        sleep(CHECK_EVERY).await;
        let held = granted.map(|at| at.elapsed());
        let Some(protect) = decide(work.oldest(), worth, held) else { continue };
        match ask(&http, &url, protect).await {
            Ok(()) => {
                tracing::debug!(protected = protect, "the protection of this task has changed");
                granted = protect.then(Instant::now);
                failed = false;
            }
            // One line for as long as it lasts: the work goes on.
            Err(error) => {
                if !failed {
                    tracing::warn!(error, protect, "the agent of ECS does not change the protection of this task");
                }
                failed = true;
                sleep(TRY_AGAIN_AFTER).await;
            }
        }
    }
}

async fn ask(http: &Client, url: &str, protect: bool) -> Result<(), String> {
    let mut body = json!({"ProtectionEnabled": protect});
    if protect {
        body["ExpiresInMinutes"] = json!(EXPIRES_IN_MINUTES);
    }
    let request = http.put(url).header("content-type", "application/json").body(body.to_string());
    let response = request.send().await.map_err(|e| e.without_url().to_string())?;
    let status = response.status();
    let answer = response.text().await.map_err(|e| e.without_url().to_string())?;
    let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
    // A refusal may come with any status.
    if answer["protection"]["ProtectionEnabled"] == json!(protect) {
        return Ok(());
    }
    let said = [&answer["failure"]["Reason"], &answer["error"]["Code"]].into_iter().find_map(Value::as_str);
    let detail = [&answer["failure"]["Detail"], &answer["error"]["Message"]].into_iter().find_map(Value::as_str);
    Err(format!("{status} {} {}", said.unwrap_or_default(), detail.unwrap_or_default()).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_work_that_outlasts_the_grace_period_is_protected() {
        let seconds = |n| Some(Duration::from_secs(n));
        let worth = Duration::from_secs(25);
        for (oldest, held, asked) in [
            (None, None, None),
            (seconds(24), None, None),
            (seconds(25), None, Some(true)),
            (seconds(60), seconds(35), None),
            (seconds(300), seconds(180), Some(true)),
            (seconds(24), seconds(35), Some(false)),
            (None, seconds(35), Some(false)),
        ] {
            assert_eq!(decide(oldest, worth, held), asked, "{oldest:?} {held:?}");
        }
        assert!(RENEW_AFTER + 2 * TRY_AGAIN_AFTER < Duration::from_secs(60 * EXPIRES_IN_MINUTES), "renewed in time");
    }

    #[test]
    fn the_oldest_of_what_runs_counts() {
        let work = Work::default();
        assert_eq!(work.oldest(), None);
        let first = work.begin();
        let second = work.begin();
        drop(second);
        assert!(work.oldest().is_some());
        drop(first);
        assert_eq!(work.oldest(), None);
    }
}
