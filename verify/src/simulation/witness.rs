//! What sees every call that a service carries out: it writes the trace, and has the call judged.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use serde_json::Value;

use super::{
    invariants::Judge,
    network::{Request, Response},
};

/// As many calls are printed before a violation.
const LAST_CALLS: usize = 60;

/// The witness.
#[derive(Debug, Default)]
pub(super) struct Witness {
    pub(super) now: u64,
    pub(super) judge: Judge,
    pub(super) calls: usize,
    hasher: DefaultHasher,
    last: VecDeque<String>,
    /// Whether each line of the trace is printed.
    prints: bool,
}

impl Witness {
    pub(super) fn new(prints: bool) -> Self {
        Self { prints, ..Self::default() }
    }

    /// A call was carried out, or its connection was closed.
    pub(super) fn saw(&mut self, from: &str, request: &Request, response: Option<&Response>) {
        self.calls += 1;
        let (asked, answer) = (described(request), response.map(|r| (r.status().as_u16(), digest(r.body()))));
        let line = match answer {
            Some((status, answered)) => format!("{from} {asked} {} -> {status} {answered}", digest(request.body())),
            None => format!("{from} {asked} {} -> no answer", digest(request.body())),
        };
        self.record(&line);
        if let Some(response) = response {
            self.judge.carried_out(self.now, request, response);
        }
    }

    /// Something else has happened.
    pub(super) fn record(&mut self, what: &str) {
        let line = format!("{:>8} {what}", self.now);
        line.hash(&mut self.hasher);
        if self.prints {
            println!("{line}");
        }
        self.last.push_back(line);
        if self.last.len() > LAST_CALLS {
            self.last.pop_front();
        }
    }

    /// A number that two runs share only if all their calls were the same at the same times.
    pub(super) fn digest(&self) -> String {
        format!("{:016x}", self.hasher.finish())
    }

    /// The last lines of the trace.
    pub(super) fn last(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}

/// What a person needs to know of a request.
fn described(request: &Request) -> String {
    let target = request.headers().get("x-amz-target").and_then(|t| t.to_str().ok());
    let Some((_, operation)) = target.and_then(|t| t.split_once('.')) else {
        return format!("{} {}", request.method(), request.uri().path());
    };
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let values = &body["ExpressionAttributeValues"];
    let parts = [
        &body["Key"]["pk"]["S"],
        &body["Item"]["pk"]["S"],
        &body["Item"]["revision"]["N"],
        &body["TransactItems"][1]["Put"]["Item"]["pk"]["S"],
        &values[":revision"]["N"],
        &values[":status"]["S"],
        &values[":lease_owner"]["S"],
        &values[":due"]["S"],
        &body["MessageBody"],
    ];
    let parts = parts.into_iter().filter_map(|part| part.as_str());
    parts.fold(operation.to_owned(), |line, part| format!("{line} {}", part.get(..80).unwrap_or(part)))
}

fn digest(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("{:08x}", hasher.finish() >> 32)
}
