//! `offload cost` and `offload bench` as programs, on a running `offload up`.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn offload(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offload"));
    command.args(arguments).stdin(Stdio::null()).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn printed(arguments: &[&str]) -> String {
    let out = offload(arguments);
    assert!(out.status.success(), "{arguments:?}: {}", text(&out.stderr));
    text(&out.stdout)
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(arguments)).expect("JSON")
}

fn refused(arguments: &[&str], code: i32) -> String {
    let out = offload(arguments);
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {}", text(&out.stdout));
    assert!(out.stdout.is_empty(), "{arguments:?}");
    text(&out.stderr)
}

/// A running `offload up`, which ends with the test.
struct Up {
    program: Child,
    api: String,
    calls: String,
}

impl Up {
    fn start(job_seconds: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_offload"));
        command.args(["up", "--json", "--api", "0", "--s3", "0", "--sqs", "0", "--dynamodb", "0"]);
        command.args(["--job-seconds", job_seconds]).stdout(Stdio::piped());
        // The first estimates are right, so that no client waits longer than it must.
        command.env("OFFLOAD_EXPECTED_JOB_SECONDS", job_seconds);
        let mut program = command.spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(program.stdout.take().expect("it is piped")).read_line(&mut line).expect("a line");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        let of = |name: &str| line[name].as_str().expect(name).to_owned();
        Self { program, api: of("api"), calls: of("calls") }
    }

    /// Orders that were accepted so far.
    fn orders(&self) -> f64 {
        let out = offload(&["cost", "--measured", &self.calls, "--json"]);
        let bill: Value =
            if out.status.success() { serde_json::from_slice(&out.stdout).expect("JSON") } else { Value::Null };
        bill["counted"]["orders"].as_f64().unwrap_or(0.0)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

#[test]
fn the_model_is_what_offload_up_counts_of_a_load_test() {
    let up = Up::start("0.1");
    // One after the other: of orders that wait several come by one receive.
    let load = ["--orders", "20", "--rate", "1000", "--at-once", "1", "--run-seconds", "0.1", "--yes", "--json"];
    let bench = json(&[&["bench", &up.api], &load[..]].concat());
    let figures = &bench["figures"];
    assert_eq!((&figures["ended"], &figures["statuses"]["completed"]), (&20.into(), &20.into()), "{bench}");
    let polls = figures["polls"].as_f64().unwrap();
    assert!(polls >= 1.0 && figures["delay"].as_f64().unwrap() > 0.0, "{bench}");
    assert!(figures["noticed"]["p99"].as_f64() >= figures["end"]["p50"].as_f64(), "{bench}");
    let (before, after) = (bench["expected_dollars"].as_f64().unwrap(), bench["dollars"].as_f64().unwrap());
    assert!(before > 0.0 && (after / before - 1.0).abs() < 0.5, "{bench}");

    // `offload up` writes progress `live`.
    let work = ["--run-seconds", "0.1", "--variation", "0", "--keys", "--progress", "live"];
    let bill = json(&[&["cost", "--measured", &up.calls, "--json"], &work[..]].concat());
    let orders = bill["counted"]["orders"].as_f64().unwrap();
    assert!((orders - 20.0).abs() < 1e-9, "{bill}");
    let counted = bill["calls"]["gets"].as_f64().unwrap();
    // A poll whose answer the client never got is counted by S3 alone.
    assert!((counted / polls - 1.0).abs() < 0.05, "the client counts the polls that S3 gets: {counted} {polls}");
    // On a busy machine orders wait, and are polled more often than in an idle queue. `just bench
    // polling` compares the polls too.
    let waited = 0.4 * (counted - bill["behaviour"]["polls"].as_f64().unwrap());
    let compared = bill["comparison"].as_array().unwrap();
    assert_eq!(compared.len(), 3);
    for service in compared {
        let of = |name: &str| service[name].as_f64().unwrap();
        let waited = if service["service"] == "S3" { waited } else { 0.0 };
        assert!(((of("model") + waited) / of("counted") - 1.0).abs() <= 0.02, "{service}");
    }
}

#[test]
fn the_metrics_of_an_api_are_measured_and_say_what_they_cannot_see() {
    let up = Up::start("0.1");
    let metrics = format!("{}/metrics", up.api);
    let none = refused(&["cost", "--measured", &metrics], 1);
    assert!(none.contains("no order was accepted"), "{none}");
    let mixed = refused(&["cost", "--measured", &metrics, "--measured", &up.calls], 2);
    assert!(mixed.contains("it can stand beside nothing else"), "{mixed}");
    let other = refused(&["cost", "--measured", &format!("{}/openapi.json", up.api)], 1);
    assert!(other.contains("has no counted calls"), "{other}");

    let load = ["--orders", "20", "--rate", "1000", "--at-once", "1", "--run-seconds", "0.1", "--yes", "--json"];
    json(&[&["bench", &up.api], &load[..]].concat());
    // The api of `offload up` counts its own calls: the pending object and the message.
    let bill = json(&["cost", "--keys", "--run-seconds", "0.1", "--variation", "0", "--measured", &metrics, "--json"]);
    let of = |name: &str| bill["calls"][name].as_f64().unwrap();
    assert_eq!((&bill["counted"]["by"], &bill["counted"]["orders"]), (&"programs".into(), &20.0.into()), "{bill}");
    assert!((of("puts") - 1.0).abs() < 1e-9 && (of("sqs") - 1.0).abs() < 1e-9, "{bill}");
    let text = printed(&["cost", "--measured", &metrics]);
    assert!(text.contains("polls, inserts and reads are the model's"), "{text}");
}

#[test]
fn a_load_test_stops_at_a_signal_with_what_it_has() {
    let up = Up::start("0.1");
    let mut command = Command::new(env!("CARGO_BIN_EXE_offload"));
    command.args(["bench", &up.api, "--orders", "100000", "--rate", "50", "--at-once", "1", "--yes", "--json"]);
    let bench = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
    let deadline = Instant::now() + PATIENCE;
    // One at a time: the third is sent when the second has ended.
    while up.orders() < 3.0 {
        assert!(Instant::now() < deadline, "no order came");
    }
    signal(&bench, "-INT");
    let out = bench.wait_with_output().expect("it ends");
    assert!(out.status.success());
    let figures: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let figures = &figures["figures"];
    assert_eq!(figures["stopped"], true);
    assert!(figures["ended"].as_u64() >= Some(1) && figures["sent"].as_u64() < Some(100_000), "{figures}");
}

#[test]
fn a_load_test_starts_only_if_somebody_agreed() {
    let up = Up::start("0.1");
    let message = refused(&["bench", &up.api, "--orders", "10"], 2);
    assert!(message.contains("10 orders") && message.contains("costs about $0.0"), "the price comes first: {message}");
    assert!(message.contains("--yes"), "{message}");
    assert!(up.orders() < 1.0, "nothing was submitted");
}

#[test]
fn what_cannot_be_measured_says_why() {
    let message = refused(&["cost", "--measured", "http://127.0.0.1:1/_calls"], 3);
    assert!(message.contains("http://127.0.0.1:1/_calls") && message.contains("offload up"), "{message}");
    let up = Up::start("0.1");
    let message = refused(&["cost", "--measured", &up.calls], 1);
    assert!(message.contains("no order was submitted"), "{message}");
    let message = refused(&["cost", "--measured", &up.api], 1);
    assert!(message.contains("has no counted calls"), "{message}");
    let message = refused(&["cost", "--measured", "nonsense"], 2);
    assert!(message.contains("nonsense is no URL"), "{message}");
    let out = offload(&["bench", &up.api, "--orders", "2", "--yes", "--mix", r#"1:{"kind":"unknown"}"#]);
    assert_eq!(out.status.code(), Some(1));
    let report = text(&out.stdout);
    assert!(report.contains("0 of 2 accepted") && report.contains("2 not seen to their end: refused: "), "{report}");
}

#[test]
fn the_articles_table_is_printed_line_by_line() {
    let table = printed(&["cost", "--article"]);
    for (line, amount) in [
        ("API Gateway, REST", "3.50"),
        ("Lambda, time", "2.08"),
        ("Lambda, invocations", "0.20"),
        ("DynamoDB, reads", "0.42"),
        ("S3, storage", "0.02"),
        ("S3, PUTs", "0.50"),
        ("S3, GETs", "0.40"),
        ("the worker's overwrite", "0.50"),
        ("polling S3, with that", "1.42"),
    ] {
        let found =
            table.lines().find(|l| l.trim_start().starts_with(line)).unwrap_or_else(|| panic!("{line}: {table}"));
        assert!(found.ends_with(&format!(" {amount}")), "{found}");
    }
    let totals: Vec<&str> = table.lines().filter(|l| l.contains("sum of the rounded lines")).collect();
    assert!(totals.len() == 2 && totals[0].ends_with(" 6.20") && totals[1].ends_with(" 0.92"), "{table}");
    assert!(table.contains("6.2078"), "{table}");
    assert!(["egress", "submitted"].iter().all(|left_out| table.contains(left_out)), "{table}");
}

#[test]
fn the_answer_says_when_not_to_use_this_service() {
    let answer = printed(&["cost"]);
    assert!(answer.contains("Do not use this service to save money if"), "{answer}");
    for line in
        ["poll a typical API", "WebSocket", "server-sent events", "webhook", "order table: index writes", "egress"]
    {
        assert!(answer.contains(line), "{line}: {answer}");
    }
    let bill = json(&["cost", "--orders", "1e9", "--channel", "websocket,poll", "--json"]);
    assert_eq!(bill["scenario"]["channels"], serde_json::json!(["websocket", "poll"]));
    let lines: f64 = ["service", "idle"]
        .iter()
        .flat_map(|part| bill[*part].as_array().unwrap())
        .map(|line| line["dollars"].as_f64().unwrap())
        .sum();
    assert!((bill["dollars"].as_f64().unwrap() / lines - 1.0).abs() < 1e-9, "{bill}");
}

#[test]
fn wrong_questions_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let prices = folder.path().join("prices.csv");
    let prices = prices.to_str().unwrap();
    std::fs::write(
        prices,
        "service,item,region,price,per,unit,from,source,date\ns3,s3-put,x,five,1,r,0,u,2026-01-01\n",
    )
    .unwrap();
    for (arguments, part) in [
        (vec!["cost", "--orders", "0"], "--orders is 1 to"),
        (vec!["cost", "--region", "mars-1"], "the file has eu-west-1, us-east-1"),
        (vec!["cost", "--date", "2020-01-01"], "on 2020-01-01"),
        (vec!["cost", "--prices", prices], "line 2: price"),
        (vec!["cost", "--prices", "/nonexistent.csv"], "/nonexistent.csv"),
        (vec!["cost", "--article", "--measured"], "cannot be used with"),
        (vec!["bench", "http://127.0.0.1:1", "--rate", "0"], "--rate"),
        (vec!["bench", "ftp://127.0.0.1:1"], "http://HOST:PORT"),
    ] {
        let message = refused(&arguments, 2);
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
}

/// `offload cost --svg docs/img/break-even.svg` writes it anew.
#[test]
fn the_chart_of_the_book_is_what_the_command_draws() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chart.svg");
    printed(&["cost", "--svg", file.to_str().unwrap()]);
    let drawn = std::fs::read_to_string(file).unwrap();
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/img/break-even.svg")).unwrap();
    assert!(drawn == committed, "offload cost --svg docs/img/break-even.svg writes it anew");
}
