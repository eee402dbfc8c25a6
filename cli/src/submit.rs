//! `offload submit`: places an order.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    args::{ClientArgs, DEFAULT_API},
    client::client,
    failure::Failure,
    output,
    progress::Notes,
    receipt::read_stdin,
    render,
    wait::{self, UntilArgs},
};

#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// The order: JSON, @FILE to read it from a file, or - or nothing to read it from standard input
    #[arg(value_name = "ORDER")]
    order: Option<String>,
    /// Names this submission, so that a repeated one gives the same order [default: a new UUID]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// The order fails if it has not ended after so many seconds
    #[arg(long, value_name = "SECONDS")]
    deadline_seconds: Option<u32>,
    /// The work starts after so many seconds at the earliest
    #[arg(long, value_name = "SECONDS")]
    delay_seconds: Option<u32>,
    /// Wait for the result, as `offload wait` does
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    until: UntilArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// The options that flags can set.
#[derive(Debug, Default, Serialize)]
struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_seconds: Option<u32>,
}

/// Runs the command.
pub(crate) async fn run(args: SubmitArgs) -> Result<(), Failure> {
    if !args.wait && args.until.is_set() {
        return Err(Failure::Usage("--timeout and --output need --wait".to_owned()));
    }
    let notes = Notes::default();
    let client = client(&args.client.api, &notes)?;
    let text = read(args.order.as_deref())?;
    let options = Options { deadline_seconds: args.deadline_seconds, delay_seconds: args.delay_seconds };
    let body = merged(&text, &options).map_err(Failure::Usage)?;
    let mut submit = client.submit_text(&body);
    if let Some(key) = args.idempotency_key {
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Failure::Usage("--idempotency-key takes visible ASCII characters without spaces".to_owned()));
        }
        submit = submit.idempotency_key(key);
    }
    let (receipt, text) = submit.with_text().await?;
    if args.client.json && !args.wait {
        return output::result(&text);
    }
    let api = args.client.api.as_str().trim_end_matches('/');
    let api = if api == DEFAULT_API { String::new() } else { format!(" --api {api}") };
    let next = format!("{} wait {} --token {}{api}", output::program(), receipt.id, receipt.order_token);
    if !args.wait {
        return output::result(&render::receipt(&receipt, &next, output::result_paint()));
    }
    if !args.client.json {
        output::say(render::receipt(&receipt, &next, output::say_paint()).trim_end());
    }
    wait::follow(&client, &receipt, &args.until, args.client.json, &notes).await
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

/// The order with the options of the flags, which win over its own. Everything else stays as it was written, to the
/// last digit.
fn merged(text: &str, options: &Options) -> Result<String, String> {
    let wrong = |e: serde_json::Error| format!("the order is not JSON: {e}");
    let raw: &RawValue = serde_json::from_str(text).map_err(wrong)?;
    let Ok(Value::Object(set)) = serde_json::to_value(options) else { return Ok(raw.get().to_owned()) };
    if set.is_empty() {
        return Ok(raw.get().to_owned());
    }
    let mut order: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get())
        .map_err(|_| "the order must be a JSON object to be given options".to_owned())?;
    let mut own: Map<String, Value> = match order.get("options") {
        None => Map::new(),
        Some(own) => {
            serde_json::from_str(own.get()).map_err(|_| "the order's options must be a JSON object".to_owned())?
        }
    };
    own.extend(set);
    let own = serde_json::value::to_raw_value(&own).map_err(wrong)?;
    order.insert("options".to_owned(), &own);
    serde_json::to_string(&order).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Options = Options { deadline_seconds: Some(60), delay_seconds: Some(5) };

    #[test]
    fn an_order_without_flags_is_sent_as_it_is() {
        let text = "{ \"n\": 1.00000000000000000001, \"n\": 2 }";
        assert_eq!(merged(text, &Options::default()).unwrap(), text);
        assert_eq!(merged("[1]", &Options::default()).unwrap(), "[1]", "the api says what is wrong with it");
    }

    #[test]
    fn flags_join_the_options_and_win() {
        assert_eq!(
            merged(r#"{"kind":"report","n":123456789012345678901234567890}"#, &BOTH).unwrap(),
            r#"{"kind":"report","n":123456789012345678901234567890,"options":{"deadline_seconds":60,"delay_seconds":5}}"#
        );
        let own = r#"{"options":{"deadline_seconds":1,"webhook_url":"u"}}"#;
        let flags = Options { deadline_seconds: Some(2), delay_seconds: None };
        assert_eq!(merged(own, &flags).unwrap(), r#"{"options":{"deadline_seconds":2,"webhook_url":"u"}}"#);
    }

    #[test]
    fn what_cannot_be_sent_is_told() {
        assert!(merged("{\"a\":", &Options::default()).unwrap_err().contains("line 1"));
        assert!(merged("", &Options::default()).is_err());
        assert!(merged("[]", &BOTH).is_err());
        assert!(merged(r#"{"options":[]}"#, &BOTH).is_err());
    }
}
