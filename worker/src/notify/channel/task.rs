//! A Step Functions task that waits for the order (`.waitForTaskToken`): heartbeats while the order
//! runs, then its end.
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html> and
//! its neighbours.

use offload_domain::{event::StatusEvent, json::to_json, status::Status};
use offload_stores::RequestSigner;
use reqwest::Client;
use serde_json::{Value, json};

use super::super::{
    attempt::{AttemptResult, Failure},
    client,
};

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

    pub(super) async fn deliver(&self, token: &str, event: &StatusEvent) -> AttemptResult {
        let (operation, input) = call(token, event);
        let (target, body) = (format!("AWSStepFunctions.{operation}"), input.to_string());
        let headers = [("content-type", JSON), ("x-amz-target", target.as_str())];
        match client::post_signed(&self.http, &self.signer, "states", &self.endpoint, &headers, body).await {
            // The task has ended or never existed: TaskTimedOut, TaskDoesNotExist, InvalidToken.
            // Another call changes nothing.
            AttemptResult::Failed(Failure { status: Some(400), .. }) => AttemptResult::Gone { status: 400 },
            result => result,
        }
    }
}

/// The operation for an event, and its input.
fn call(token: &str, event: &StatusEvent) -> (&'static str, Value) {
    let object = &event.data;
    match object.status {
        Status::Pending | Status::Processing => ("SendTaskHeartbeat", json!({"taskToken": token})),
        Status::Completed => ("SendTaskSuccess", json!({"taskToken": token, "output": to_json(object)})),
        Status::Failed | Status::Cancelled => {
            let error = if object.status == Status::Failed { "OrderFailed" } else { "OrderCancelled" };
            let cause: String = object.error.as_ref().map(to_json).unwrap_or_default();
            let cause: String = cause.chars().take(CAUSE_MAX).collect();
            ("SendTaskFailure", json!({"taskToken": token, "error": error, "cause": cause}))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::testing::event, *};

    #[test]
    fn a_task_gets_heartbeats_and_then_the_end_of_its_order() {
        for (status, operation, error) in [
            (Status::Pending, "SendTaskHeartbeat", Value::Null),
            (Status::Processing, "SendTaskHeartbeat", Value::Null),
            (Status::Completed, "SendTaskSuccess", Value::Null),
            (Status::Failed, "SendTaskFailure", json!("OrderFailed")),
            (Status::Cancelled, "SendTaskFailure", json!("OrderCancelled")),
        ] {
            let event = event(status);
            let (called, input) = call("a token", &event);
            assert_eq!((called, &input["taskToken"], &input["error"]), (operation, &json!("a token"), &error));
            if status == Status::Completed {
                let output: Value = serde_json::from_str(input["output"].as_str().unwrap()).unwrap();
                assert_eq!(output, serde_json::to_value(&event.data).unwrap(), "the status object");
            }
        }
    }
}
