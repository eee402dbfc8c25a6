//! Which AWS actions each part of the service calls, read from its sources.
//!
//! `shared/stores/src/` is the only place that calls AWS, each operation by its own method:
//! `.put_item()`. A part calls these methods through variables with fixed names: `orders.take(…)`,
//! `objects.publish(…)`, `queue.send(…)`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use regex::Regex;

/// The parts that have a role of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Api,
    Worker,
    DeadLetters,
    Sweeper,
    Notifier,
}

/// The methods of the SDK, and the actions that they need. A transaction needs the actions of its
/// parts.
const OPERATIONS: [(&str, &str); 14] = [
    ("get_item", "dynamodb:GetItem"),
    ("put_item", "dynamodb:PutItem"),
    ("update_item", "dynamodb:UpdateItem"),
    ("delete_item", "dynamodb:DeleteItem"),
    ("query", "dynamodb:Query"),
    ("transact_write_items", "dynamodb:PutItem"),
    ("get_object", "s3:GetObject"),
    ("put_object", "s3:PutObject"),
    ("send_message", "sqs:SendMessage"),
    ("send_message_batch", "sqs:SendMessage"),
    ("receive_message", "sqs:ReceiveMessage"),
    ("delete_message", "sqs:DeleteMessage"),
    ("change_message_visibility", "sqs:ChangeMessageVisibility"),
    ("get_queue_attributes", "sqs:GetQueueAttributes"),
];

/// What Lambda does with a function's role to feed it from a queue.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
const EVENT_SOURCE: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

/// The same for a table's stream.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html>
const STREAM_SOURCE: [&str; 4] =
    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

/// Requests that are signed without an SDK, and what they need.
const SIGNED: [(&str, &[&str]); 4] = [
    (r#"sign("execute-api""#, &["execute-api:ManageConnections"]),
    (r#"self.signer,"sns""#, &["sns:Publish"]),
    (r#"self.signer,"states""#, &["states:SendTaskFailure", "states:SendTaskHeartbeat", "states:SendTaskSuccess"]),
    (r#"self.signer,"appsync""#, &["appsync:EventPublish"]),
];

/// The functions of `shared/stores/src/show.rs`, and what they call.
const PUBLISHING: [(&str, &str); 3] = [
    ("stores.show(", "objects.publish( orders.watchers( queue.send_all("),
    ("stores.tell(", "orders.watchers( queue.send_all("),
    ("stores.heartbeat(", "queue.send("),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The sources under a path, without their tests.
fn sources(path: &str) -> String {
    fn collect(path: &Path, into: &mut String) {
        if path.is_dir() {
            let mut inner: Vec<_> = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).collect();
            inner.sort();
            inner.iter().for_each(|p| collect(p, into));
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(path).unwrap();
            into.push_str(text.split("#[cfg(test)]").next().unwrap());
        }
    }
    let mut text = String::new();
    let path = root().join(path);
    assert!(path.exists(), "{}", path.display());
    collect(&path, &mut text);
    text
}

/// The methods of a file of `shared/stores/src/`, and the actions that each calls, also through
/// methods of the same type.
fn methods(file: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = sources(&format!("shared/stores/src/{file}.rs"));
    let head = Regex::new(r"\n    (?:pub(?:\([a-z]+\))? )?(?:async )?fn (\w+)").unwrap();
    let starts: Vec<(usize, String)> =
        head.captures_iter(&text).map(|c| (c.get(0).unwrap().start(), c[1].to_owned())).collect();
    let body = |i: usize| &text[starts[i].0..starts.get(i + 1).map_or(text.len(), |next| next.0)];
    let calls = |text: &str| -> BTreeSet<String> {
        let found = OPERATIONS.iter().filter(|(method, _)| text.contains(&format!(".{method}()")));
        found.map(|(_, action)| (*action).to_owned()).collect()
    };
    let mut all: BTreeMap<String, BTreeSet<String>> =
        starts.iter().enumerate().map(|(i, (_, name))| (name.clone(), calls(body(i)))).collect();
    // Methods that call others of the same type, as often as calls may be nested.
    for _ in 0..starts.len() {
        for (i, (_, name)) in starts.iter().enumerate() {
            let more: Vec<String> = (starts.iter().filter(|(_, other)| other != name))
                .filter(|(_, other)| {
                    body(i).contains(&format!("self.{other}(")) || body(i).contains(&format!("handle.{other}("))
                })
                .flat_map(|(_, other)| all[other].clone())
                .collect();
            all.get_mut(name).unwrap().extend(more);
        }
    }
    all
}

/// The actions that a part calls.
pub(crate) fn calls(part: Part) -> BTreeSet<String> {
    let (paths, from_queue): (&[&str], bool) = match part {
        Part::Api => (&["api/src"], false),
        Part::Worker => (&["worker/src/job", "worker/src/lambda/mod.rs", "worker/src/reporter.rs"], true),
        Part::DeadLetters => (&["worker/src/dead_letters.rs"], true),
        Part::Sweeper => (&["worker/src/sweeper.rs"], false),
        Part::Notifier => (&["worker/src/notify", "worker/src/lambda/mod.rs"], true),
    };
    let mut text: String = paths.iter().map(|p| sources(p)).collect();
    if part == Part::DeadLetters {
        // Redriving has the credentials of the operator, and receiving belongs to the loop in a
        // container. A function only fails the order, and publishes as the worker does.
        let bury = text.find("pub(crate) async fn bury").unwrap();
        let end = text.find("/// What became of an attempt to redrive").unwrap();
        text = text[bury..end].to_owned();
        assert!(text.contains("job::publish("), "it publishes as a worker does");
        text += "presigner.get( stores.show(";
    }
    let mut called = BTreeSet::new();
    if part == Part::Notifier {
        // Of the Lambda entry point only the events of the notifier; orders and sweeps are for
        // other functions.
        let lambda = sources("worker/src/lambda/mod.rs");
        let from = lambda.find("/// Delivers notifications").unwrap();
        let to = lambda.find("async fn sweep").unwrap();
        text = sources("worker/src/notify") + &lambda[from..to];
        called.extend(STREAM_SOURCE.map(str::to_owned));
    }
    for (signs, actions) in SIGNED {
        let squeezed: String = text.split_whitespace().collect::<Vec<_>>().join("");
        if squeezed.contains(signs) {
            called.extend(actions.iter().map(|a| (*a).to_owned()));
        }
    }
    for (shows, calls) in PUBLISHING {
        if text.contains(shows) {
            text += calls;
        }
    }
    for (variable, files) in [
        ("orders", &["orders", "due", "workers", "watchers", "deliveries"][..]),
        ("objects", &["status_store"]),
        ("queue", &["queue"]),
        ("dead", &["queue"]),
        ("delivery", &["queue"]),
        ("visibility", &["queue"]),
    ] {
        let known: BTreeMap<String, BTreeSet<String>> = files.iter().flat_map(|f| methods(f)).collect();
        let call = Regex::new(&format!(r"\b{variable}\s*\.(\w+)\(")).unwrap();
        for name in call.captures_iter(&text).map(|c| c[1].to_owned()) {
            called.extend(known.get(&name).into_iter().flatten().cloned());
        }
    }
    if text.contains("presigner") {
        called.insert("sts:AssumeRole".to_owned());
    }
    if from_queue {
        called.extend(EVENT_SOURCE.map(str::to_owned));
    }
    assert!(called.len() >= 4, "{part:?}: more is called than {called:?}");
    called
}
