//! `offload doctor --api`, on `offload up` and on services that answer anything.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{doctor, ids, report};

/// The longest that a service may take to be as a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// `offload up`, which ends with the test.
struct Up {
    child: Child,
    api: String,
}

impl Up {
    /// Starts it with these flags and variables.
    fn start(flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let free = ["--api", "--s3", "--sqs", "--dynamodb"].map(|flag| format!("{flag}=127.0.0.1:0"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_offload"));
        command.args(["up", "--json"]).args(free).args(flags).env_clear().envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self { child, api: ready["api"].as_str().unwrap().to_owned() }
    }

    /// Submits an order with another process of the program.
    fn submit(&self, order: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_offload"));
        let submitted = command.args(["submit", order, "--wait", "--api", &self.api]).env_clear().output().unwrap();
        assert!(submitted.status.code().is_some_and(|code| code < 2), "{submitted:?}");
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service whose every answer is this one, and what it was asked, by the first line and the
/// credentials.
fn service(status: &str, body: &Value) -> (String, std::thread::JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let asked = spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        let head = String::from_utf8(head).unwrap();
        let credentials = head.lines().find(|line| line.to_lowercase().starts_with("authorization:"));
        (head.lines().next().unwrap().to_owned(), credentials.unwrap_or_default().to_owned())
    });
    (url, asked)
}

#[test]
fn a_service_that_works_has_nothing_and_one_that_fails_orders_has_that() {
    let up = Up::start(
        &["--processor=command", r#"--command=["sh","-c","exit 75"]"#],
        &[("OFFLOAD_MAX_ATTEMPTS", "1"), ("PATH", "/usr/bin:/bin")],
    );
    let well = doctor(&["--api", &up.api]);
    assert_eq!(well.code, 0, "{}{}", well.text, well.error);
    let last = well.text.trim_end().lines().last().unwrap().to_owned();
    assert!(last.starts_with(&format!("{}: nothing found; ", up.api)) && last.contains(" checks passed"), "{last}");

    up.submit(r#"{"kind":"report","rows":1}"#);
    let begun = Instant::now();
    let found = loop {
        let found = doctor(&["--api", &up.api, "--json", "--fail-on", "note"]);
        if found.code == 1 || begun.elapsed() > PATIENCE {
            break found;
        }
        sleep(Duration::from_millis(200));
    };
    assert_eq!(ids(&report(&found)), ["dead-letters-grew"].into(), "{}", found.text);
}

#[test]
fn the_answer_of_a_service_is_reported_as_every_other_check() {
    let finding = |id: &str, severity: &str| {
        json!({
            "id": id, "severity": severity, "title": "t", "what": format!("{id} is so\u{1b}[2J"), "why": "It hurts.",
            "fix": "Mend it.", "docs": format!("docs/how-to/runbook.md#{id}"),
        })
    };
    let answer = json!({
        "as_of": "2026-11-28T09:00:00.000Z",
        "findings": [finding("store-fails", "error"), finding("worker-lost", "warning")],
        "passed": [{"id": "clock-skew", "what": "w"}],
        "not_checked": [{"id": "estimates-wrong", "what": "w", "why": "too few orders ended"}],
    });
    let ask = |arguments: &[&str]| {
        let (url, asked) = service("200 OK", &answer);
        let ran = doctor(&[&["--api", &url, "--key", "the key of the console"], arguments].concat());
        (ran, asked.join().unwrap())
    };
    let (text, (first, credentials)) = ask(&[]);
    assert_eq!((text.code, first.as_str()), (1, "GET /admin/doctor? HTTP/1.1"), "{}", text.error);
    assert!(credentials.ends_with("Bearer the key of the console"), "{credentials}");
    for part in [
        "error  store-fails  the service\n",
        "Why: It hurts.",
        "Fix: Mend it.",
        "docs/how-to/runbook.md#store-fails",
        "estimates-wrong (the service): too few orders ended",
        "2 findings: 1 error, 1 warning; 1 check passed, 1 not done",
    ] {
        assert!(text.text.contains(part), "{part}: {}", text.text);
    }
    assert!(!text.text.contains('\u{1b}') && !text.text.contains("the key"), "{}", text.text);
    let (json, _) = ask(&["--json", "--skip", "store-fails"]);
    let report = report(&json);
    assert_eq!((ids(&report), &report["passed"], json.code), (["worker-lost"].into(), &json!(1), 1));
    assert_eq!(report["not_checked"][0]["resource"], "the service");
    assert_eq!(ask(&["--fail-on", "error", "--skip", "store-fails"]).0.code, 0);
    assert_eq!(ask(&["--only", "clock-skew"]).0.code, 0);
    let (unknown, _) = ask(&["--only", "ttl-off"]);
    assert!(unknown.code == 2 && unknown.error.contains("there is no finding ttl-off"), "{}", unknown.error);
}

#[test]
fn a_service_that_says_nothing_of_itself_is_an_error() {
    let refused = json!({"title": "The caller is not known", "detail": "send an API key", "status": 401});
    for (status, body, words) in [
        ("401 Unauthorized", refused, "The caller is not known: send an API key"),
        ("200 OK", json!({"findings": []}), "this is not the answer of GET /admin/doctor"),
        ("200 OK", json!({"findings": [], "passed": [], "not_checked": []}), "nothing could be checked"),
    ] {
        let (url, _) = service(status, &body);
        let ran = doctor(&["--api", &url]);
        assert!(ran.code == 2 && ran.error.contains(words) && ran.text.is_empty(), "{words}: {}", ran.error);
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = doctor(&["--api", &format!("http://{closed}")]);
    assert!(silent.code == 2 && silent.error.contains("does not answer"), "{}", silent.error);
    for with in [&["--plan", "plan.json"][..], &["--up", "up.json"], &["--sarif"]] {
        let both = doctor(&[&["--api", "http://127.0.0.1:1"], with].concat());
        assert!(both.code == 2 && both.error.contains("cannot be used with"), "{}", both.error);
    }
}
