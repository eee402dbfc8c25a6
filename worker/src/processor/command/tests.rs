//! With real programs: `sh` and `python3`.

use std::{path::Path, time::Duration};

use offload_domain::{order::Order, status::ProgressReport, trace::TraceContext};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        contract::{Outcome, ProcessError, Processor as _},
        progress::Progress,
        testing::order_of,
    },
    *,
};

/// How long a test waits for what must happen.
const DEADLINE: Duration = Duration::from_secs(20);

fn sh(script: &str, argument: &Path) -> CommandProcessor {
    let args = vec!["-c".into(), script.into(), "sh".into(), argument.display().to_string()];
    CommandProcessor::new("sh", args).unwrap()
}

fn python(script: &str) -> CommandProcessor {
    CommandProcessor::new("python3", vec!["-c".into(), script.into()]).unwrap()
}

fn order() -> Order {
    order_of(json!({"kind": "print", "text": "a secret", "pages": 3}))
}

async fn run(processor: CommandProcessor) -> (Result<Outcome, ProcessError>, Option<ProgressReport>) {
    let (progress, reports) = Progress::new(CancellationToken::new());
    let outcome = timeout(DEADLINE, processor.process(&order(), &progress)).await.expect("the program hangs");
    let last = reports.borrow().clone();
    (outcome, last)
}

async fn run_sh(script: &str) -> Result<Outcome, ProcessError> {
    run(sh(script, Path::new(""))).await.0
}

fn value(outcome: Result<Outcome, ProcessError>) -> Value {
    match outcome {
        Ok(Outcome::Value(text)) => text.map_or(Value::Null, |t| serde_json::from_str(t.as_str()).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn protocol_error(outcome: Result<Outcome, ProcessError>) -> String {
    match outcome {
        Err(ProcessError::Final(problem)) if problem.slug() == "processor-protocol" => problem.detail.unwrap(),
        other => panic!("{other:?}"),
    }
}

/// A program that runs until something ends it, and a sign that all its processes are gone.
struct Running {
    work: JoinHandle<Result<Outcome, ProcessError>>,
    stop: CancellationToken,
    reports: watch::Receiver<Option<ProgressReport>>,
    gone: JoinHandle<std::io::Result<Vec<u8>>>,
    _dir: tempfile::TempDir,
}

impl Running {
    /// The script gets the path of a FIFO. Its reader sees the end when the last process that has
    /// it open has died.
    async fn start(script: &str, limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let processor = sh(&format!("exec 3>\"$1\"; {script}"), &fifo).with_limits(limits);
        let gone = tokio::task::spawn_blocking(move || std::fs::read(fifo));
        let stop = CancellationToken::new();
        let (progress, reports) = Progress::new(stop.clone());
        let work = tokio::spawn(async move { processor.process(&order(), &progress).await });
        Self { work, stop, reports, gone, _dir: dir }
    }

    async fn wait_for_progress(&mut self) {
        timeout(DEADLINE, self.reports.changed()).await.expect("there is no progress").unwrap();
    }

    /// What was written to the FIFO until the last process died.
    async fn wait_until_all_are_gone(self) -> String {
        let written = timeout(DEADLINE, self.gone).await.expect("some process lives on");
        String::from_utf8(written.unwrap().unwrap()).unwrap()
    }
}

#[tokio::test]
async fn a_program_reads_the_order_reports_progress_and_has_a_result() {
    let script = r#"
import json, os, sys
doc = json.load(sys.stdin)
assert doc["id"] == os.environ["OFFLOAD_ORDER_ID"] and doc["created_at"] == "1970-01-01T00:00:00.000Z"
print(json.dumps({"progress": 100 / 3, "message": "printing"}), flush=True)
print()
print(json.dumps({"result": {"pages": doc["order"]["pages"], "members": sorted(doc)}}))
"#;
    let (outcome, last) = run(python(script)).await;
    assert_eq!(value(outcome), json!({"pages": 3, "members": ["created_at", "id", "order"]}));
    assert_eq!(last, Some(ProgressReport::new(33, Some("printing"))));
}

#[tokio::test]
async fn a_program_gets_its_order_the_attempt_and_the_trace_context() {
    let traced = Order {
        trace: Some(TraceContext { parent: "00-0af7-b7ad-01".into(), state: Some("shop=1".into()) }),
        ..order()
    };
    let id = traced.id;
    let script = format!(
        "test $TRACEPARENT = 00-0af7-b7ad-01 && test $TRACESTATE = shop=1 && test $OFFLOAD_ORDER_ID = {id} && test -n $OFFLOAD_ATTEMPT"
    );
    let child = sh(&script, Path::new(""));
    let (progress, _reports) = Progress::new(CancellationToken::new());
    assert_eq!(value(child.process(&traced, &progress).await), Value::Null);
    let passed = child.command(&traced);
    let names: Vec<_> = passed.as_std().get_envs().filter_map(|(name, _)| name.to_str()).collect();
    // Cargo's own are in the environment of this test.
    assert!(names.contains(&"PATH") && !names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
}

#[tokio::test]
async fn exit_code_and_error_line_decide_whether_it_is_tried_again() {
    let (failed, retryable) = (ProcessError::failed, ProcessError::retryable);
    for (script, error) in [
        ("echo a secret >&2; exit 1", failed("the program exited with code 1")),
        ("exit 75", retryable("the program exited with code 75")),
        ("echo '{\"error\":\"no stock\"}'; exit 3", failed("no stock")),
        ("echo '{\"error\":\"no stock\",\"retry\":true}'; exit 3", retryable("no stock")),
        ("echo '{\"error\":\"no stock\"}'", failed("no stock")),
        ("kill -9 $$", retryable("the program was ended by signal 9")),
    ] {
        assert_eq!(run_sh(script).await.unwrap_err(), error, "{script}");
    }
}

#[tokio::test]
async fn garbage_ends_the_program_at_once_and_is_not_quoted() {
    let script = "echo '{\"progress\":1}'; echo; echo garbage; sleep 60 & sleep 60";
    let mut running = Running::start(script, Limits::default()).await;
    running.wait_for_progress().await;
    let detail = protocol_error(timeout(DEADLINE, &mut running.work).await.expect("it goes on").unwrap());
    assert!(
        detail.starts_with("line 3 of the program's output is not JSON") && !detail.contains("garbage"),
        "{detail}"
    );
    running.wait_until_all_are_gone().await;
}

#[tokio::test]
async fn a_line_of_10_megabytes_is_cut_off() {
    let detail = protocol_error(run_sh("yes 0123456789 | tr -d '\\n' | head -c 10000000; sleep 60").await);
    assert!(detail.starts_with("line 1 of the program's output is longer than 1 MiB"), "{detail}");
}

#[tokio::test]
async fn progress_has_no_limit_and_the_results_have_16_mebibytes() {
    let text = "x".repeat(10_000);
    let progress = format!("yes '{{\"progress\":50,\"message\":\"{text}\"}}' | head -n 1700; echo '{{\"result\":1}}'");
    let (outcome, last) = run(sh(&progress, Path::new(""))).await;
    assert_eq!((value(outcome), last.unwrap().percent), (json!(1), 50));
    let results = |count| format!("yes '{{\"result\":\"{text}\"}}' | head -n {count}");
    assert!(run_sh(&results(1_000)).await.is_ok());
    let detail = protocol_error(run_sh(&results(1_700)).await);
    assert!(detail.starts_with("the program's output is longer than 16 MiB"), "{detail}");
}

#[tokio::test]
async fn ten_megabytes_on_standard_error_do_no_harm() {
    let outcome = run_sh("yes 0123456789 | head -c 10000000 >&2; echo '{\"result\":1}'").await;
    assert_eq!(value(outcome), json!(1));
}

#[tokio::test]
async fn a_program_need_not_read_the_order() {
    // More than a pipe holds, so that the write can only end by the program's end, or by the
    // pipe's.
    let large = order_of(json!({"text": "x".repeat(250_000)}));
    for script in ["echo '{\"result\":1}'", "exec <&-; echo '{\"result\":1}'", "head -c 5 >&2; echo '{\"result\":1}'"] {
        let (progress, _reports) = Progress::new(CancellationToken::new());
        let outcome = timeout(DEADLINE, sh(script, Path::new("")).process(&large, &progress)).await;
        assert_eq!(value(outcome.expect("it hangs")), json!(1), "{script}");
    }
}

#[tokio::test]
async fn a_program_that_prints_before_it_reads_does_not_deadlock() {
    let large = order_of(json!({"text": "x".repeat(250_000)}));
    let script = "yes '{\"progress\":1}' | head -n 20000; wc -c >&2; echo '{\"result\":1}'";
    let (progress, _reports) = Progress::new(CancellationToken::new());
    let outcome = timeout(DEADLINE, sh(script, Path::new("")).process(&large, &progress)).await;
    assert_eq!(value(outcome.expect("it hangs")), json!(1));
}

#[tokio::test]
async fn a_program_that_never_ends_can_clean_up_when_it_is_stopped() {
    let script =
        r#"trap 'echo bye >&3; echo goodbye; exit 0' TERM; echo '{"progress":1}'; while :; do sleep 0.01; done"#;
    let mut running = Running::start(script, Limits { term_grace: DEADLINE, ..Limits::default() }).await;
    running.wait_for_progress().await;
    running.stop.cancel();
    let outcome = timeout(DEADLINE, &mut running.work).await.expect("it was not stopped").unwrap();
    assert_eq!(outcome.unwrap_err(), ProcessError::stopped());
    assert_eq!(running.wait_until_all_are_gone().await, "bye\n");
}

#[tokio::test]
async fn a_program_that_ignores_sigterm_is_killed_with_its_children() {
    let script = r#"trap '' TERM; sleep 60 & echo '{"progress":1}'; sleep 60"#;
    let limits = Limits { term_grace: Duration::from_millis(50), ..Limits::default() };
    let mut running = Running::start(script, limits).await;
    running.wait_for_progress().await;
    running.stop.cancel();
    let outcome = timeout(DEADLINE, &mut running.work).await.expect("it was not stopped").unwrap();
    assert_eq!(outcome.unwrap_err(), ProcessError::stopped());
    running.wait_until_all_are_gone().await;
}

#[tokio::test]
async fn dropping_the_work_kills_the_program_and_its_children() {
    let mut running = Running::start("sleep 60 & echo '{\"progress\":1}'; sleep 60", Limits::default()).await;
    running.wait_for_progress().await;
    running.work.abort();
    running.wait_until_all_are_gone().await;
}

#[tokio::test]
async fn a_child_that_holds_the_pipes_open_is_not_waited_for() {
    let limits = Limits { pipe_grace: Duration::from_millis(50), ..Limits::default() };
    let mut running = Running::start("sleep 60 & echo '{\"result\":1}'", limits).await;
    let outcome = timeout(DEADLINE, &mut running.work).await.expect("it is waited for").unwrap();
    assert_eq!(value(outcome), json!(1));
    running.wait_until_all_are_gone().await;
}

#[tokio::test]
async fn a_program_that_is_gone_when_it_is_needed_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("work");
    std::fs::copy("/bin/true", &program).unwrap();
    let processor = CommandProcessor::new(program.display().to_string(), Vec::new()).unwrap();
    std::fs::remove_file(&program).unwrap();
    assert!(matches!(run(processor).await.0, Err(ProcessError::Retryable { .. })));
}
