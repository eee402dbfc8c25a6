//! A Step Functions task that waits for the order (`.waitForTaskToken`): heartbeats while the order runs, and its end.
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html> and its neighbours.

use async_trait::async_trait;
use offload_domain::{
    notification::{Notification, Target},
    status::Status,
};
use offload_stores::RequestSigner;
use reqwest::Client;
use serde_json::{Value, json};

use super::{Channel, Failure, Outcome, client};

const JSON: &str = "application/x-amz-json-1.0";
/// The longest cause that the API takes, in characters.
const CAUSE_MAX: usize = 32_768;

pub(super) struct Tasks {
    http: Client,
    signer: RequestSigner,
    endpoint: String,
}

impl Tasks {
    pub(super) fn new(http: Client, signer: RequestSigner) -> Self {
        let endpoint = format!("{}/", signer.endpoint("SFN", "states").trim_end_matches('/'));
        Self { http, signer, endpoint }
    }
}

/// What the task is told: the call, and its input.
fn call(token: &str, notification: &Notification) -> (&'static str, Value) {
    let object = &notification.event.data;
    match object.status {
        Status::Pending | Status::Processing => ("SendTaskHeartbeat", json!({"taskToken": token})),
        Status::Completed => (
            "SendTaskSuccess",
            json!({"taskToken": token, "output": serde_json::to_string(object).unwrap_or_default()}),
        ),
        Status::Failed | Status::Cancelled => {
            let error = if object.status == Status::Failed { "OrderFailed" } else { "OrderCancelled" };
            let cause = object.error.as_ref().map(|p| serde_json::to_string(p).unwrap_or_default()).unwrap_or_default();
            let cause: String = cause.chars().take(CAUSE_MAX).collect();
            ("SendTaskFailure", json!({"taskToken": token, "error": error, "cause": cause}))
        }
    }
}

#[async_trait]
impl Channel for Tasks {
    async fn deliver(&self, notification: &Notification) -> Outcome {
        let Target::Task { token } = &notification.target else { return Outcome::Gone { status: 410 } };
        let (operation, input) = call(token, notification);
        let (target, body) = (format!("AWSStepFunctions.{operation}"), input.to_string());
        let headers = [("content-type", JSON), ("x-amz-target", target.as_str())];
        match client::post_signed(&self.http, &self.signer, "states", &self.endpoint, &headers, body).await {
            // The task has ended, or never was: TaskTimedOut, TaskDoesNotExist, InvalidToken. To say so again changes nothing.
            Outcome::Failed(Failure { status: Some(400), .. }) => Outcome::Gone { status: 400 },
            outcome => outcome,
        }
    }
}
