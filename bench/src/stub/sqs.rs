//! SQS: one queue. A message is given out once, unless its visibility is set to 0.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::{Answer, State, json as answer_json, refused, s3::md5_hex};

/// Messages that the queue says to have while none are kept: the api estimates by it.
const DEPTH: usize = 37;

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    messages: Mutex<Messages>,
    arrived: Notify,
}

#[derive(Default)]
struct Messages {
    waiting: VecDeque<Message>,
    /// By their receipt handles.
    in_flight: HashMap<String, Message>,
    ids: u64,
    deleted: u64,
}

#[derive(Clone)]
struct Message {
    id: String,
    body: String,
}

impl Queue {
    pub(super) fn clear(&self) {
        *self.lock() = Messages::default();
    }

    pub(super) fn deleted(&self) -> u64 {
        self.lock().deleted
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    pub(super) fn is_at_rest(&self) -> bool {
        let mut messages = self.lock();
        messages.waiting.clear();
        messages.in_flight.is_empty()
    }

    /// The body of the first message that waits.
    pub(super) fn first(&self) -> Option<String> {
        self.lock().waiting.front().map(|message| message.body.clone())
    }

    pub(super) fn add(&self, body: String) {
        let mut messages = self.lock();
        let id = uuid(&mut messages);
        messages.waiting.push_back(Message { id, body });
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it reads of requests. An entry of a batch has the members of a single request.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    id: Option<String>,
    message_body: String,
    receipt_handle: String,
    visibility_timeout: Option<u64>,
    max_number_of_messages: Option<usize>,
    wait_time_seconds: Option<u64>,
    entries: Vec<Request>,
}

pub(super) async fn answer(state: &State, action: &str, body: &[u8]) -> Answer {
    let Ok(request) = serde_json::from_slice::<Request>(body) else { return refused("InvalidParameterValue") };
    let single = action.strip_suffix("Batch").unwrap_or(action);
    match single {
        "SendMessage" | "DeleteMessage" | "ChangeMessageVisibility" => {}
        "ReceiveMessage" => return receive(&state.queue, &request).await,
        "GetQueueAttributes" => return attributes(state),
        "GetQueueUrl" => return answer_json(json!({"QueueUrl": "/000000000000/orders"}).to_string()),
        _ => return refused("InvalidAction"),
    }
    if single == action {
        return answer_json(change(state, single, request).to_string());
    }
    let entries = request.entries.into_iter().map(|entry| {
        let id = entry.id.clone();
        let mut done = change(state, single, entry);
        done["Id"] = json!(id);
        done
    });
    answer_json(json!({"Successful": entries.collect::<Vec<_>>(), "Failed": []}).to_string())
}

fn change(state: &State, action: &str, request: Request) -> Value {
    let mut messages = state.queue.lock();
    match action {
        "SendMessage" => {
            let (id, digest) = (uuid(&mut messages), md5_hex(request.message_body.as_bytes()));
            let answer = json!({"MessageId": id, "MD5OfMessageBody": digest});
            if state.keeps.load(Ordering::Relaxed) {
                messages.waiting.push_back(Message { id, body: request.message_body });
                state.queue.arrived.notify_one();
            }
            return answer;
        }
        "DeleteMessage" => {
            let deleted = messages.in_flight.remove(&request.receipt_handle).is_some();
            messages.deleted += u64::from(deleted);
        }
        _ if request.visibility_timeout == Some(0) => {
            let back = messages.in_flight.remove(&request.receipt_handle);
            messages.waiting.extend(back);
            state.queue.arrived.notify_one();
        }
        _ => {}
    }
    json!({})
}

/// An id that no other message has.
fn uuid(messages: &mut Messages) -> String {
    messages.ids += 1;
    format!("00000000-0000-4000-8000-{:012x}", messages.ids)
}

async fn receive(queue: &Queue, request: &Request) -> Answer {
    let end = Instant::now() + Duration::from_secs(request.wait_time_seconds.unwrap_or(0));
    loop {
        let received = take(queue, request.max_number_of_messages.unwrap_or(1));
        if !received.is_empty() {
            return answer_json(json!({"Messages": received}).to_string());
        }
        if timeout_at(end, queue.arrived.notified()).await.is_err() {
            return answer_json("{}");
        }
    }
}

fn take(queue: &Queue, most: usize) -> Vec<Value> {
    let mut messages = queue.lock();
    let count = most.min(messages.waiting.len());
    let taken: Vec<Message> = messages.waiting.drain(..count).collect();
    let given = taken.into_iter().map(|message| {
        let receipt = format!("{}#1", message.id);
        let json = json!({"MessageId": message.id, "ReceiptHandle": receipt, "MD5OfBody": md5_hex(message.body.as_bytes()),
            "Body": message.body, "Attributes": {"ApproximateReceiveCount": "1"}});
        messages.in_flight.insert(receipt, message);
        json
    });
    given.collect()
}

fn attributes(state: &State) -> Answer {
    let messages = state.queue.lock();
    let waiting = if state.keeps.load(Ordering::Relaxed) { messages.waiting.len() } else { DEPTH };
    let attributes = json!({"ApproximateNumberOfMessages": waiting.to_string(),
        "ApproximateNumberOfMessagesNotVisible": messages.in_flight.len().to_string(),
        "ApproximateNumberOfMessagesDelayed": "0", "VisibilityTimeout": "30", "MessageRetentionPeriod": "1209600"});
    answer_json(json!({"Attributes": attributes}).to_string())
}
