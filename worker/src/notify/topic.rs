//! An SNS topic, with the attributes that filter policies look at. `Publish` of the Query protocol:
//! <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>

use async_trait::async_trait;
use offload_domain::notification::Notification;
use offload_stores::RequestSigner;
use reqwest::Client;
use url::form_urlencoded::Serializer;

use super::{Channel, Outcome, client};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

pub(super) struct Topic {
    http: Client,
    signer: RequestSigner,
    arn: String,
    endpoint: String,
}

impl Topic {
    pub(super) fn new(http: Client, signer: RequestSigner, arn: String) -> Self {
        let endpoint = format!("{}/", signer.endpoint("SNS", "sns").trim_end_matches('/'));
        Self { http, signer, arn, endpoint }
    }
}

/// The request's body.
fn form(arn: &str, notification: &Notification) -> String {
    let event = &notification.event;
    let message = serde_json::to_string(event).unwrap_or_default();
    let mut form = Serializer::new(String::new());
    form.append_pair("Action", "Publish").append_pair("Version", "2010-03-31").append_pair("TopicArn", arn);
    form.append_pair("Message", &message);
    let revision = event.revision.to_string();
    let (status, done) = (event.data.status.as_str(), if event.data.done { "true" } else { "false" });
    let attributes =
        [("status", "String", status), ("done", "String", done), ("revision", "Number", revision.as_str())];
    for (n, (name, kind, value)) in attributes.into_iter().enumerate() {
        let of = |part: &str| format!("MessageAttributes.entry.{}.{part}", n + 1);
        form.append_pair(&of("Name"), name);
        form.append_pair(&of("Value.DataType"), kind).append_pair(&of("Value.StringValue"), value);
    }
    // A FIFO topic keeps the events of an order in order, and drops those that come twice.
    if arn.ends_with(".fifo") {
        form.append_pair("MessageGroupId", &event.subject.to_string());
        form.append_pair("MessageDeduplicationId", &event.id.replace('/', "."));
    }
    form.finish()
}

#[async_trait]
impl Channel for Topic {
    async fn deliver(&self, notification: &Notification) -> Outcome {
        let body = form(&self.arn, notification);
        let headers = [("content-type", FORM)];
        client::post_signed(&self.http, &self.signer, "sns", &self.endpoint, &headers, body).await
    }
}
