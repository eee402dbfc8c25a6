//! `offload submit`: submits an order.

mod batch;

use clap::Args;
use offload_domain::{
    json::text_without_mark,
    payload::{NotAnOrder, OrderDocument},
};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    client::{ClientArgs, DEFAULT_API},
    failure::Failure,
    output,
    progress::Messages,
    receipt::read_stdin,
    render,
    wait::{self, WaitOptions},
};

#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// The order: JSON, @FILE to read it from a file, or - or nothing to read it from standard
    /// input
    #[arg(value_name = "ORDER")]
    order: Option<String>,
    /// The same key gives the same order [default: a new UUID]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// The order fails if it has not ended after this many seconds
    #[arg(long, value_name = "SECONDS")]
    deadline_seconds: Option<u32>,
    /// The work starts after this many seconds at the earliest
    #[arg(long, value_name = "SECONDS")]
    delay_seconds: Option<u32>,
    /// A label by which the order is found; repeat it for several
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// How urgent it is: low, normal or high [default: normal]
    #[arg(long, value_name = "PRIORITY", value_parser = ["low", "normal", "high"])]
    priority: Option<String>,
    /// Submit up to 1,000 orders at once: a JSON array, or JSON lines
    #[arg(long, conflicts_with_all = ["deadline_seconds", "delay_seconds", "labels", "priority"])]
    batch: bool,
    /// Wait for the result, as `offload wait` does; of a batch, until all its orders have ended
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    wait_options: WaitOptions,
    #[command(flatten)]
    client: ClientArgs,
}

/// The options of an order that flags can set.
#[derive(Debug, Default, Serialize)]
struct OrderOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    /// Beside the labels of the order itself.
    #[serde(skip_serializing_if = "Map::is_empty")]
    labels: Map<String, Value>,
}

/// `NAME=VALUE`. The api says what is wrong with either.
fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Runs the command.
pub(crate) async fn run(args: SubmitArgs) -> Result<(), Failure> {
    if !args.wait && args.wait_options.is_set() {
        return Err(Failure::Usage("--timeout and --output need --wait".to_owned()));
    }
    let messages = Messages::default();
    let client = args.client.connect(&messages)?;
    let order = read(args.order.as_deref())?;
    if args.batch {
        return batch::run(&args, &client, &order, &messages).await;
    }
    let options = OrderOptions {
        deadline_seconds: args.deadline_seconds,
        delay_seconds: args.delay_seconds,
        priority: args.priority,
        labels: args.labels.into_iter().map(|(name, value)| (name, value.into())).collect(),
    };
    let order = with_options(&order, &options).map_err(Failure::Usage)?;
    let mut submit = client.submit_json(&order);
    if let Some(key) = key(args.idempotency_key.as_deref())? {
        submit = submit.idempotency_key(key);
    }
    let response = submit.response().await?;
    if args.client.json && !args.wait {
        return output::result(&response.text);
    }
    let receipt = response.body;
    let api = args.client.api.as_str().trim_end_matches('/');
    let api = if api == DEFAULT_API { String::new() } else { format!(" --api {api}") };
    let next = format!("{} wait {} --token {}{api}", output::program(), receipt.id, receipt.order_token);
    if !args.wait {
        return output::result(&render::receipt(&receipt, &next, output::result_paint()));
    }
    if !args.client.json {
        output::message(render::receipt(&receipt, &next, output::message_paint()).trim_end());
    }
    wait::wait(&client, &receipt, &args.wait_options, args.client.json, &messages).await
}

fn key(key: Option<&str>) -> Result<Option<&str>, Failure> {
    let valid = |key: &&str| !key.is_empty() && key.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    match key {
        Some(key) if !valid(&key) => {
            Err(Failure::Usage("--idempotency-key takes visible ASCII characters and spaces".to_owned()))
        }
        key => Ok(key),
    }
}

fn read(order: Option<&str>) -> Result<String, Failure> {
    match order {
        None | Some("-") => read_stdin("the order"),
        Some(text) => match text.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|e| Failure::Usage(format!("cannot read the order from {file}: {e}"))),
            None => Ok(text.to_owned()),
        },
    }
}

/// The order with the options of the flags, which override its own. The rest is sent as it is, to
/// the byte.
fn with_options(text: &str, options: &OrderOptions) -> Result<String, String> {
    let invalid = |e: serde_json::Error| format!("the order is not JSON: {e}");
    let raw: &RawValue = serde_json::from_str(text_without_mark(text)).map_err(invalid)?;
    let Ok(Value::Object(mut set)) = serde_json::to_value(options) else { return Ok(raw.get().to_owned()) };
    if set.is_empty() {
        return Ok(raw.get().to_owned());
    }
    let order = OrderDocument::parse(raw.get().into()).map_err(|e| match e {
        NotAnOrder::Syntax(place) => format!("the order is not JSON: {place}"),
        NotAnOrder::Invalid(violations) if raw.get().starts_with('{') => {
            let places = violations.iter().map(|v| format!("{} {}", v.pointer, v.detail));
            format!("the order is refused: {}", places.collect::<Vec<_>>().join(", "))
        }
        NotAnOrder::Invalid(_) => "only an order that is a JSON object can have options".to_owned(),
    })?;
    let mut own: Map<String, Value> = match order.options() {
        None => Map::new(),
        Some(own) => serde_json::from_str(own).map_err(|_| "the order's options must be a JSON object".to_owned())?,
    };
    if let (Some(Value::Object(labels)), Some(Value::Object(of_flags))) = (own.get("labels"), set.get_mut("labels")) {
        *of_flags = labels.clone().into_iter().chain(std::mem::take(of_flags)).collect();
    }
    own.extend(set);
    let own = serde_json::to_string(&own).map_err(invalid)?;
    let payload = order.into_payload();
    let members = &payload.as_str()[1..];
    let comma = if members.trim_start() == "}" { "" } else { "," };
    Ok(format!("{{\"options\":{own}{comma}{members}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> OrderOptions {
        OrderOptions { deadline_seconds: Some(60), delay_seconds: Some(5), ..OrderOptions::default() }
    }

    #[test]
    fn an_order_without_flags_is_sent_unchanged() {
        let text = "{ \"n\": 1.00000000000000000001, \"n\": 2 }";
        assert_eq!(with_options(text, &OrderOptions::default()).unwrap(), text);
        assert_eq!(with_options("[1]", &OrderOptions::default()).unwrap(), "[1]", "the api says what is wrong with it");
    }

    #[test]
    fn flags_override_the_options_of_the_order() {
        assert_eq!(
            with_options(r#"{ "n":123456789012345678901234567890, "kind":"report" }"#, &both()).unwrap(),
            r#"{"options":{"deadline_seconds":60,"delay_seconds":5}, "n":123456789012345678901234567890, "kind":"report" }"#
        );
        let own = r#"{"options":{"deadline_seconds":1,"webhook_url":"u"}}"#;
        let priority = Some("high".to_owned());
        let flags = OrderOptions { deadline_seconds: Some(2), priority, ..OrderOptions::default() };
        let both = r#"{"options":{"deadline_seconds":2,"webhook_url":"u","priority":"high"}}"#;
        assert_eq!(with_options(own, &flags).unwrap(), both);
    }

    #[test]
    fn labels_of_flags_are_added_to_those_of_the_order() {
        let labels = [label("site=west=1").unwrap(), label("customer=acme").unwrap(), label("empty=").unwrap()];
        let labels = labels.into_iter().map(|(name, value)| (name, value.into())).collect();
        let own = r#"{"options":{"labels":{"customer":"other","a":"b"}},"rows":1}"#;
        assert_eq!(
            with_options(own, &OrderOptions { labels, ..OrderOptions::default() }).unwrap(),
            r#"{"options":{"labels":{"customer":"acme","a":"b","site":"west=1","empty":""}},"rows":1}"#
        );
        assert!(label("customer").is_err());
    }

    #[test]
    fn what_is_not_json_is_refused_with_the_reason() {
        assert!(with_options("{\"a\":", &OrderOptions::default()).unwrap_err().contains("line 1"));
        assert!(with_options("", &OrderOptions::default()).is_err());
        assert!(with_options("[]", &both()).unwrap_err().contains("JSON object"));
        assert!(with_options(r#"{"n":1,"n":2}"#, &both()).unwrap_err().contains("/n"));
        assert!(with_options(r#"{"options":[]}"#, &both()).is_err());
    }
}
