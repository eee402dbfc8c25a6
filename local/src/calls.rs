//! The calls that the stack received, in order: how a test proves in which order a program writes.
//!
//! A [`Call`] is written as text in one fixed form, made for comparison:
//!
//! | call | text |
//! |---|---|
//! | `PutItem` of the item (`0198c1f0-…`, `order`) | `dynamodb.PutItem order` |
//! | `PutItem` of the item (`0198c1f0-…`, `conn#a1`) | `dynamodb.PutItem conn` |
//! | `PutItem` of the item (`workers`, `worker-1`) | `dynamodb.PutItem workers/*` |
//! | `Query` for `pk = conn#a1` | `dynamodb.Query conn/*` |
//! | `Query` of the index `due` for `send#3` | `dynamodb.Query due/send` |
//! | `TransactWriteItems` of two puts | `dynamodb.TransactWriteItems PutItem idempotency, PutItem order` |
//! | `PutObject` of `status/c4/0198.json` with `If-None-Match` | `s3.PutObject status if-none-match` |
//! | `SendMessage` to the queue `orders` | `sqs.SendMessage orders` |
//! | `AssumeRole` of the role `signer` | `sts.AssumeRole signer` |
//!
//! An item is named by the constant part of its sort key, or else of its partition key, see
//! [`ItemKind`]. An object is named by its key up to the first slash.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::counters::NO_RESPONSE;
use crate::subject::Subject;

/// More kinds of calls than a service makes. A client that makes up more finds them in one.
const KINDS_MAX: usize = 1_000;

/// What is behind the text of a counted call that failed, or had no response.
const FAILED: &str = " failed";

/// What further kinds are counted as.
const OTHER: &str = "other";

/// One request, as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The service as IAM names it: `dynamodb`, `s3`, `sqs` or `sts`.
    pub service: &'static str,
    /// The operation as AWS names it, such as `PutItem`.
    pub operation: &'static str,
    /// The access key that the request names, whether or not its signature is good; `None` for an
    /// anonymous request.
    pub access_key_id: Option<String>,
    /// What the request is about.
    pub subject: Subject,
    /// The status of the response, [`NO_RESPONSE`] if the client disconnected before there was one,
    /// and `None` while the request runs. A request whose reply an injected fault dropped has the
    /// status that its work had.
    pub status: Option<u16>,
    /// When the request came: a number that grows with each beginning and each end in the whole
    /// stack.
    pub began: u64,
    /// When its response was ready, by the same numbers; `None` while it runs.
    pub ended: Option<u64>,
}

impl Call {
    /// Whether the two ran at the same time. Of two requests that a client sends at once, the first
    /// may end before the second begins: give the services a [latency](crate::FaultPlan::latency)
    /// to make them overlap.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.precedes(other) && !other.precedes(self)
    }

    /// Whether this one ended before the other one began.
    #[must_use]
    pub fn precedes(&self, other: &Self) -> bool {
        self.ended.is_some_and(|ended| ended < other.began)
    }

    /// The calls as text, those that ran at the same time in one group. Groups are in the order in
    /// which they began; within a group the order is alphabetical.
    #[must_use]
    pub fn groups<'a>(calls: impl IntoIterator<Item = &'a Self>) -> Vec<Vec<String>> {
        let mut calls: Vec<&Self> = calls.into_iter().collect();
        calls.sort_unstable_by_key(|call| call.began);
        let mut groups: Vec<Vec<&Self>> = Vec::new();
        for call in calls {
            match groups.last_mut() {
                Some(group) if !group.iter().all(|earlier| earlier.precedes(call)) => group.push(call),
                _ => groups.push(vec![call]),
            }
        }
        let text = |group: Vec<&Self>| {
            let mut text: Vec<String> = group.into_iter().map(Self::to_string).collect();
            text.sort_unstable();
            text
        };
        groups.into_iter().map(text).collect()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.service, self.operation)?;
        match &self.subject {
            Subject::None => Ok(()),
            subject => write!(f, " {subject}"),
        }
    }
}

/// What a handler knows of a request: at first from its head alone, then with its body.
#[derive(Debug, Default)]
pub(crate) struct Description {
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) subject: Subject,
}

/// The calls of one stack. Records nothing until it has a limit.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    recording: Mutex<Recording>,
}

#[derive(Debug, Default)]
struct Recording {
    limit: usize,
    /// How often each call ended, by its text; `None` if that is not counted.
    counts: Option<BTreeMap<String, u64>>,
    /// The next number of a beginning or an end.
    next: u64,
    /// In the order of their beginnings.
    calls: VecDeque<Call>,
}

impl Recording {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A call that is still recorded.
    fn call(&mut self, began: u64) -> Option<&mut Call> {
        let at = self.calls.binary_search_by_key(&began, |call| call.began).ok()?;
        self.calls.get_mut(at)
    }
}

impl Recorder {
    /// Clears the recording, and records the newest `limit` calls from now on.
    pub(crate) fn start(&self, limit: usize) {
        let mut recording = self.recording.lock();
        recording.limit = limit;
        recording.calls.clear();
    }

    /// Counts all calls from now on, by their text.
    pub(crate) fn count(&self) {
        self.recording.lock().counts.get_or_insert_default();
    }

    /// The calls that have ended since they are counted; `None` if they are not.
    pub(crate) fn counts(&self) -> Option<BTreeMap<String, u64>> {
        self.recording.lock().counts.clone()
    }

    pub(crate) fn snapshot(&self) -> Vec<Call> {
        self.recording.lock().calls.iter().cloned().collect()
    }

    /// Records a call until the guard is dropped; `None` if nothing is recorded.
    pub(crate) fn begin(
        self: &Arc<Self>,
        describe: impl FnOnce() -> (Description, Option<String>),
    ) -> Option<RecordingGuard> {
        let records = |recording: &Recording| (recording.limit > 0, recording.counts.is_some());
        let (recorded, counted) = records(&self.recording.lock());
        if !recorded && !counted {
            return None;
        }
        let (Description { service, operation, subject }, access_key_id) = describe();
        let call = Call { service, operation, access_key_id, subject, status: None, began: 0, ended: None };
        let counted = counted.then(|| Arc::new(Mutex::new(call.clone())));
        let mut recording = self.recording.lock();
        let began = recording.number();
        if recorded {
            while recording.calls.len() >= recording.limit.max(1) {
                recording.calls.pop_front();
            }
            recording.calls.push_back(Call { began, ..call });
        }
        let call = RecordedCall { recorder: Arc::clone(self), began, counted };
        Some(RecordingGuard { call, status: NO_RESPONSE })
    }
}

/// One recorded call. It ends when this is dropped, also when the client disconnects and hyper
/// drops the work.
pub(crate) struct RecordingGuard {
    call: RecordedCall,
    status: u16,
}

impl RecordingGuard {
    /// A reference for the handler, which knows more of the call once it has read the body.
    pub(crate) fn call(&self) -> RecordedCall {
        self.call.clone()
    }

    pub(crate) fn responded(&mut self, status: u16) {
        self.status = status;
    }
}

impl Drop for RecordingGuard {
    fn drop(&mut self) {
        let mut recording = self.call.recorder.recording.lock();
        let ended = recording.number();
        if let Some(call) = recording.call(self.call.began) {
            call.ended = Some(ended);
            call.status = Some(self.status);
        }
        if let (Some(call), Some(counts)) = (&self.call.counted, &mut recording.counts) {
            let kind = call.lock().to_string();
            let done = (200..400).contains(&self.status);
            let kind = if done { kind } else { format!("{kind}{FAILED}") };
            let kind = if counts.len() < KINDS_MAX || counts.contains_key(&kind) { kind } else { OTHER.to_owned() };
            *counts.entry(kind).or_default() += 1;
        }
    }
}

/// A reference to a recorded call, carried in the request's extensions.
#[derive(Clone)]
pub(crate) struct RecordedCall {
    recorder: Arc<Recorder>,
    began: u64,
    /// The call as it is counted, however few calls are kept.
    counted: Option<Arc<Mutex<Call>>>,
}

impl RecordedCall {
    /// Completes the recorded call of a request, if it is recorded.
    pub(crate) fn describe(extensions: &http::Extensions, describe: impl FnOnce() -> Description) {
        let Some(recorded) = extensions.get::<Self>() else { return };
        let Description { service, operation, subject } = describe();
        if let Some(counted) = &recorded.counted {
            let mut call = counted.lock();
            (call.service, call.operation, call.subject) = (service, operation, subject.clone());
        }
        if let Some(call) = recorded.recorder.recording.lock().call(recorded.began) {
            (call.service, call.operation, call.subject) = (service, operation, subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::ItemKind;

    fn put(kind: ItemKind) -> (Description, Option<String>) {
        (Description { service: "dynamodb", operation: "PutItem", subject: Subject::Item(kind) }, None)
    }

    #[test]
    fn calls_that_overlap_are_one_group() {
        let call = |kind: &str, began, ended| Call {
            subject: Subject::Item(ItemKind::of(kind, None)),
            service: "dynamodb",
            operation: "PutItem",
            access_key_id: None,
            status: None,
            began,
            ended,
        };
        let calls = [call("b", 1, Some(4)), call("a", 2, Some(3)), call("c", 5, None), call("d", 6, Some(7))];
        assert!(calls[0].overlaps(&calls[1]) && calls[1].precedes(&calls[2]) && calls[2].overlaps(&calls[3]));
        let text = |kind: &str| format!("dynamodb.PutItem {kind}/*");
        assert_eq!(Call::groups(&calls), [vec![text("a"), text("b")], vec![text("c"), text("d")]]);
    }

    #[test]
    fn the_newest_calls_are_kept_up_to_the_limit() {
        let recorder = Arc::new(Recorder::default());
        assert!(recorder.begin(|| put(ItemKind::of("unrecorded", None))).is_none());
        recorder.start(2);
        let kept_open = recorder.begin(|| put(ItemKind::of("a", None)));
        for kind in ["b", "c"] {
            drop(recorder.begin(|| put(ItemKind::of(kind, None))));
        }
        drop(kept_open);
        let text: Vec<String> = recorder.snapshot().iter().map(Call::to_string).collect();
        assert_eq!(text, ["dynamodb.PutItem b/*", "dynamodb.PutItem c/*"]);
        recorder.start(0);
        assert!(recorder.snapshot().is_empty() && recorder.begin(|| put(ItemKind::of("d", None))).is_none());
    }

    #[test]
    fn calls_are_counted_by_kind_even_if_none_is_kept() {
        let recorder = Arc::new(Recorder::default());
        assert_eq!(recorder.counts(), None);
        recorder.count();
        for (kind, status) in [("a", 200), ("a", 304), ("a", 412), ("b", 200)] {
            recorder.begin(|| put(ItemKind::of(kind, None))).expect("it is counted").responded(status);
        }
        let running = recorder.begin(|| put(ItemKind::of("c", None)));
        let counts = recorder.counts().expect("they are counted");
        let counts: Vec<_> = counts.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
        let expected = [("dynamodb.PutItem a/*", 2), ("dynamodb.PutItem a/* failed", 1), ("dynamodb.PutItem b/*", 1)];
        assert_eq!(counts, expected, "those that have ended");
        assert!(running.is_some() && recorder.snapshot().is_empty());
    }

    #[test]
    fn kinds_that_a_client_makes_up_take_no_memory() {
        let recorder = Arc::new(Recorder::default());
        recorder.count();
        for n in 0..KINDS_MAX + 10 {
            let operation = Description { operation: "PutItem", ..Description::default() };
            let subject = Subject::Queue(format!("queue-{n}"));
            drop(recorder.begin(|| (Description { subject, ..operation }, None)));
        }
        let counts = recorder.counts().expect("they are counted");
        assert_eq!((counts.len(), counts[OTHER]), (KINDS_MAX + 1, 10));
    }
}
