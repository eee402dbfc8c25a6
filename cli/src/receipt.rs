//! The order of a command: by id and token, or by the receipt that `submit --json` printed.

use std::{
    fmt,
    io::{IsTerminal, Read},
};

use clap::Args;
use offload_client::Receipt;
use offload_domain::{id::OrderId, json::text_without_mark};

use crate::{failure::Failure, output};

/// Parses a receipt.
///
/// # Errors
/// What is wrong with it, without a part of it: it holds a token and a signed URL.
pub(crate) fn parse(text: &str) -> Result<Receipt, String> {
    serde_json::from_str(text_without_mark(text)).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => "it is JSON, but not a receipt".to_owned(),
        _ => format!("it is not JSON (line {}, column {})", e.line(), e.column()),
    })
}

/// The order of a command.
#[derive(Clone, Args)]
pub(crate) struct OrderArgs {
    /// Id of the order; - or nothing to read the receipt, the output of `offload submit --json`,
    /// from standard input
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Token of the order, order_token in its receipt
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
}

impl fmt::Debug for OrderArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderArgs").field("id", &self.id).finish_non_exhaustive()
    }
}

impl OrderArgs {
    /// The receipt, from the arguments or from standard input.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub(crate) fn receipt(&self) -> Result<Receipt, Failure> {
        match (self.id.as_deref(), &self.token) {
            (None | Some("-"), None) => {
                let text = read_stdin("the receipt")?;
                parse(&text).map_err(|e| Failure::Usage(format!("standard input holds no receipt: {e}")))
            }
            (None | Some("-"), Some(_)) => Err(Failure::Usage("--token needs the id of the order".to_owned())),
            (Some(id), Some(token)) => {
                let id: OrderId =
                    id.parse().map_err(|e| Failure::Usage(format!("\"{id}\" is not an order id: {e}")))?;
                if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
                    return Err(Failure::Usage("the value of --token is not an order token".to_owned()));
                }
                Ok(Receipt::new(id.to_string(), token))
            }
            (Some(_), None) => {
                Err(Failure::Usage("--token TOKEN is missing: it is order_token in the receipt".to_owned()))
            }
        }
    }
}

/// Everything on standard input.
pub(crate) fn read_stdin(what: &str) -> Result<String, Failure> {
    let mut stdin = std::io::stdin();
    if stdin.is_terminal() {
        output::message(&format!("reading {what} from the terminal; Ctrl-D ends it"));
    }
    let mut text = String::new();
    stdin.read_to_string(&mut text).map_err(|e| Failure::Usage(format!("cannot read standard input: {e}")))?;
    Ok(text)
}

#[cfg(test)]
pub(crate) fn example() -> Receipt {
    parse(
        r#"{"id":"0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f","status":"pending","status_url":"http://s3/b/k?X-Amz-Signature=s",
        "status_url_expires_at":"2026-11-20T13:00:00Z","eta":{"seconds":12.4,"p10_seconds":9.0,"p90_seconds":20.1,
        "at":"2026-11-20T12:00:12.400Z","queue_depth":37,"basis":"measured"},"poll_after_ms":12400,
        "order_token":"v1.secret","links":{"self":"/order/0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f"}}"#,
    )
    .expect("the example of the contract")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_parsed_and_never_prints_its_token() {
        let receipt = example();
        assert_eq!(receipt.eta.as_ref().unwrap().queue_depth, 37);
        assert!(!format!("{receipt:?}").contains("secret"));
        let wrong = parse(r#"{"id":7,"order_token":"v1.secret"}"#).unwrap_err();
        assert!(!wrong.contains("secret"), "{wrong}");
    }

    #[test]
    fn an_id_needs_a_token() {
        let of =
            |id: &str, token: Option<&str>| OrderArgs { id: Some(id.into()), token: token.map(Into::into) }.receipt();
        assert!(of("0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f", Some("v1.a")).is_ok());
        for (id, token) in [("nonsense", Some("t")), ("0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f", None), ("-", Some("t"))] {
            assert!(matches!(of(id, token), Err(Failure::Usage(_))), "{id}");
        }
        let Err(e) = of("0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f", Some("se\ncret")) else { panic!() };
        assert!(!e.to_string().contains("cret"));
    }
}
