//! An SNS topic, with the attributes that filter policies use. `Publish` of the Query protocol:
//! <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>

use offload_domain::{event::StatusEvent, json::to_json};
use offload_stores::RequestSigner;
use reqwest::Client;
use url::form_urlencoded::Serializer;

use super::super::{attempt::AttemptResult, client};

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

    pub(super) async fn deliver(&self, event: &StatusEvent) -> AttemptResult {
        let body = form(&self.arn, event);
        let headers = [("content-type", FORM)];
        client::post_signed(&self.http, &self.signer, "sns", &self.endpoint, &headers, body).await
    }
}

/// The request's body.
fn form(arn: &str, event: &StatusEvent) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("Action", "Publish").append_pair("Version", "2010-03-31").append_pair("TopicArn", arn);
    form.append_pair("Message", &to_json(event));
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use offload_domain::status::Status;
    use serde_json::Value;

    use super::{super::super::testing, *};

    fn published(arn: &str, event: &StatusEvent) -> HashMap<String, String> {
        url::form_urlencoded::parse(form(arn, event).as_bytes()).into_owned().collect()
    }

    #[test]
    fn a_topic_gets_the_event_with_attributes_for_filter_policies() {
        let event = testing::event(Status::Completed);
        let form = published("arn:aws:sns:eu-west-1:000000000000:orders", &event);
        assert_eq!(serde_json::from_str::<Value>(&form["Message"]).unwrap(), serde_json::to_value(&event).unwrap());
        for (entry, name, value) in [("1", "status", "completed"), ("2", "done", "true"), ("3", "revision", "3")] {
            assert_eq!(form[&format!("MessageAttributes.entry.{entry}.Name")], name);
            assert_eq!(form[&format!("MessageAttributes.entry.{entry}.Value.StringValue")], value);
        }
        assert!(!form.contains_key("MessageGroupId"));
    }

    #[test]
    fn a_fifo_topic_keeps_the_events_of_an_order_in_order() {
        let event = testing::event(Status::Processing);
        let form = published("arn:aws:sns:eu-west-1:000000000000:orders.fifo", &event);
        assert_eq!(form["MessageGroupId"], event.subject.to_string());
        assert_eq!(form["MessageDeduplicationId"], format!("{}.3", event.subject));
    }
}
