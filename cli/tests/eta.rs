//! `offload eta` as a program: lines in, lines out.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use serde_json::Value;

const STATS: &str = r#"{"stats_id":1,"count":1000,"mean":10,"cv2":0.25,"attempts_per_order":1,"levels":[0.1,0.5,0.9],"q":[4.88,8.94,16.39]}"#;

fn program() -> Child {
    Command::new(env!("CARGO_BIN_EXE_offload"))
        .arg("eta")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

fn replay(input: &str) -> Output {
    let mut child = program();
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn next(out: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    out.read_line(&mut line).expect("there is a line");
    serde_json::from_str(&line).expect("in JSON")
}

fn number(v: &Value) -> f64 {
    v.as_f64().expect("a number")
}

#[test]
fn each_line_has_its_output_before_the_next_one_comes() {
    let mut child = program();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    writeln!(input, "{STATS}").unwrap();

    writeln!(input, r#"{{"id":7,"visible":0,"inflight":2,"concurrency":10,"accepted_3s":0,"finished_3s":0}}"#).unwrap();
    let idle = next(&mut output);
    assert_eq!(idle["id"], 7);
    assert!((number(&idle["p50"]) - 8.94).abs() < 0.05, "{idle}");
    assert!((number(&idle["p10"]) - 4.88).abs() < 0.05 && (number(&idle["p90"]) - 16.39).abs() < 0.05, "{idle}");

    // 100 exactly counted orders of 10 s before it, ten at a time: 91 must end first, and it takes
    // about 9 s itself.
    let exact = r#"{"id":8,"visible":5,"inflight":5,"concurrency":10,"accepted_3s":900,"finished_3s":0,"exact_visible":90,"exact_inflight":10}"#;
    writeln!(input, "{exact}").unwrap();
    let busy = next(&mut output);
    assert!((number(&busy["p50"]) - 100.0).abs() < 2.0, "{busy}");

    // Five pollers more each second, each with 0.625 of an order at once: 113.6 orders must start
    // first, which is N = 1/4 W² + (0.5 + 5 * 0.625) W, so that W = 15.3 s.
    let elastic = r#"{"id":9,"visible":115,"inflight":5,"concurrency":5,"accepted_3s":0,"finished_3s":0,"ramp_per_s":5,"max_concurrency":1000}"#;
    writeln!(input, "{elastic}").unwrap();
    let grows = next(&mut output);
    assert!((number(&grows["p50"]) - 15.3 - 8.94).abs() < 0.2, "{grows}");

    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_polls_are_those_of_the_schedule() {
    let out = replay(&format!("{STATS}\n{{\"id\":1,\"concurrency\":4}}\n"));
    let prediction: Value = serde_json::from_slice(&out.stdout).unwrap();
    let polls: Vec<f64> = prediction["polls"].as_array().unwrap().iter().map(number).collect();
    assert_eq!(polls.len(), 40);
    let mut schedule = offload_domain::schedule::Schedule::new(number(&prediction["p10"]), number(&prediction["p90"]));
    for poll in polls {
        assert!((poll - schedule.next_poll()).abs() < 1e-6, "{prediction}");
        schedule = schedule.polled();
    }
}

#[test]
fn an_invalid_line_ends_the_run_with_its_number() {
    let out = replay(&format!("{STATS}\n{{\"id\":1,\"concurrency\":4}}\nnonsense\n{{\"id\":2,\"concurrency\":4}}\n"));
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(String::from_utf8(out.stdout).unwrap().lines().count(), 1);
    assert!(String::from_utf8(out.stderr).unwrap().contains("line 3: "));
}
