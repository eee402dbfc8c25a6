//! The WebSocket protocol, the same here and behind API Gateway. Pure: what a client says, and what it is answered.
//!
//! A client sends `{"action": "subscribe", "token": …}`, `{"action": "unsubscribe", "token": …}` or `{"action": "ping"}`. It
//! gets a `StatusEvent` for every order that it follows, at once and after each change; `{"type": "unsubscribed", …}` and
//! `{"type": "pong"}`; and a problem object for what cannot be done. `type` tells them apart.

use offload_domain::{id::OrderId, problem::Problem, token::TokenKeys};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The longest message that a client may send.
pub(crate) const MESSAGE_MAX_BYTES: usize = 4 * 1024;
/// Orders that one connection may follow.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 100;

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Subscribe {
        order: OrderId,
        /// The order is cancelled when this one leaves as the last, and it has not started.
        cancels: bool,
    },
    Unsubscribe {
        order: OrderId,
    },
    Ping,
}

#[derive(Deserialize)]
struct Message {
    action: String,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    cancel_on_disconnect: bool,
}

impl Action {
    /// Reads a message.
    ///
    /// # Errors
    /// The problem that the client is answered with.
    pub(crate) fn read(text: &str, keys: &TokenKeys) -> Result<Self, Box<Problem>> {
        let invalid = |detail: String| {
            Box::new(Problem::new("invalid-message", "The message cannot be read", 400).detail(detail))
        };
        if text.len() > MESSAGE_MAX_BYTES {
            return Err(invalid(format!("a message has at most {MESSAGE_MAX_BYTES} bytes")));
        }
        let shape = r#"a message is a JSON object such as {"action":"subscribe","token":"…"}"#;
        // By way of a map: serde would take an array for a struct too.
        let message: Map<String, Value> = serde_json::from_str(text).map_err(|e| invalid(format!("{shape}: {e}")))?;
        let message: Message = serde_json::from_value(message.into()).map_err(|e| invalid(format!("{shape}: {e}")))?;
        let order = || match message.token.as_deref() {
            Some(token) => keys.open(token).ok_or_else(token_invalid),
            None => Err(Box::new(
                Problem::new("token-missing", "The order token is missing", 401)
                    .detail("send the order_token of the order as the member token"),
            )),
        };
        match message.action.as_str() {
            "subscribe" => Ok(Self::Subscribe { order: order()?, cancels: message.cancel_on_disconnect }),
            "unsubscribe" => Ok(Self::Unsubscribe { order: order()? }),
            "ping" => Ok(Self::Ping),
            _ => Err(Box::new(
                Problem::new("unknown-action", "There is no such action", 400)
                    .detail("the actions are subscribe, unsubscribe and ping"),
            )),
        }
    }
}

/// The token is none of ours.
pub(crate) fn token_invalid() -> Box<Problem> {
    Box::new(
        Problem::new("token-invalid", "The token is not valid", 403)
            .detail("each order has its own token, given with the 202 answer"),
    )
}

pub(crate) fn too_many() -> Box<Problem> {
    Box::new(Problem::new("too-many-subscriptions", "One connection cannot follow more orders", 429).detail(format!(
        "a connection follows {SUBSCRIPTIONS_MAX} orders at most; unsubscribe from one, or open another"
    )))
}

pub(crate) fn not_found(order: OrderId) -> Box<Problem> {
    Box::new(
        Problem::new("order-not-found", "There is no such order", 404)
            .detail(format!("order {order} never was, or it is past its retention")),
    )
}

pub(crate) fn unavailable() -> Box<Problem> {
    Box::new(
        Problem::new("storage-unavailable", "The service's storage does not answer", 503)
            .detail("send the message again a little later"),
    )
}

pub(crate) fn pong() -> String {
    json!({"type": "pong"}).to_string()
}

pub(crate) fn unsubscribed(order: OrderId) -> String {
    json!({"type": "unsubscribed", "order": order}).to_string()
}

pub(crate) fn problem(problem: &Problem) -> String {
    // Texts and numbers: it can always be written.
    serde_json::to_string(problem).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_understood_or_answered_with_a_problem() {
        let keys = TokenKeys::parse(&"k".repeat(32)).unwrap();
        let order = OrderId::new(chrono::DateTime::UNIX_EPOCH);
        let token = keys.sign(order);
        let read = |text: &str| Action::read(&text.replace("$TOKEN", &token), &keys);
        assert_eq!(read(r#"{"action":"subscribe","token":"$TOKEN"}"#), Ok(Action::Subscribe { order, cancels: false }));
        let cancels = r#"{"action":"subscribe","token":"$TOKEN","cancel_on_disconnect":true,"more":1}"#;
        assert_eq!(read(cancels), Ok(Action::Subscribe { order, cancels: true }));
        assert_eq!(read(r#"{"action":"unsubscribe","token":"$TOKEN"}"#), Ok(Action::Unsubscribe { order }));
        assert_eq!(read(r#"{"action":"ping"}"#), Ok(Action::Ping));
        for (text, slug, status) in [
            ("", "invalid-message", 400),
            ("[]", "invalid-message", 400),
            (r#"{"token":"$TOKEN"}"#, "invalid-message", 400),
            (r#"{"action":"dance"}"#, "unknown-action", 400),
            (r#"{"action":"subscribe"}"#, "token-missing", 401),
            (r#"{"action":"subscribe","token":"x"}"#, "token-invalid", 403),
        ] {
            let problem = read(text).unwrap_err();
            assert_eq!((problem.slug(), problem.status), (slug, status), "{text}");
        }
        assert_eq!(read(&format!(r#"{{"action":"{}"}}"#, "x".repeat(5_000))).unwrap_err().slug(), "invalid-message");
    }
}
