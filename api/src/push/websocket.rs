//! The WebSocket protocol, the same here and behind API Gateway: what a client sends, and its
//! answers. Pure.
//!
//! A client sends `{"action": "subscribe", "token": …}`, `{"action": "unsubscribe", "token": …}` or
//! `{"action": "ping"}`. It gets a `StatusEvent` for every order that it subscribes to, at once and
//! after each change; `{"type": "unsubscribed", …}` and `{"type": "pong"}`; and a problem object
//! for a message that cannot be carried out. The member `type` distinguishes them.

use chrono::{DateTime, Utc};
use offload_domain::{
    id::OrderId,
    json::{text_without_mark, to_json},
    problem::{Problem, ProblemType},
    token::{Access, OpenedToken, TokenError, TokenKeys},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The longest message that a client may send.
pub(crate) const MESSAGE_MAX_BYTES: usize = 4 * 1024;

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Subscribe {
        order: OrderId,
        /// Cancel the order if it has not started when its last subscriber leaves.
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

/// Why a message of a client cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumDiscriminants), strum_discriminants(name(Variant), derive(strum::EnumIter)))]
pub(crate) enum MessageError {
    TooLong,
    /// It is not an action; with what is wrong, which quotes nothing.
    Invalid(String),
    UnknownAction,
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    TokenReadOnly,
    OrderNotFound(OrderId),
    /// With the most that it may have.
    TooManySubscriptions(usize),
    /// Of the order, not of the connection.
    TooManySubscribers,
    /// It subscribes and unsubscribes too often.
    TooManyMessages,
    /// Other clients have all connections.
    TooManyConnections,
    /// A retry may succeed.
    StorageUnavailable,
}

impl MessageError {
    fn problem_type(&self) -> ProblemType {
        match self {
            Self::TooLong | Self::Invalid(_) => ProblemType::InvalidMessage,
            Self::UnknownAction => ProblemType::UnknownAction,
            Self::TokenMissing => ProblemType::TokenMissing,
            Self::TokenInvalid => ProblemType::TokenInvalid,
            Self::TokenExpired => ProblemType::TokenExpired,
            Self::TokenReadOnly => ProblemType::TokenReadOnly,
            Self::OrderNotFound(_) => ProblemType::OrderNotFound,
            Self::TooManySubscriptions(_) => ProblemType::TooManySubscriptions,
            Self::TooManySubscribers => ProblemType::TooManySubscribers,
            Self::TooManyMessages => ProblemType::TooManyRequests,
            Self::TooManyConnections => ProblemType::TooManyConnections,
            Self::StorageUnavailable => ProblemType::StorageUnavailable,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::TooLong => format!("a message has at most {MESSAGE_MAX_BYTES} bytes"),
            Self::Invalid(why) => {
                format!(r#"a message is a JSON object such as {{"action":"subscribe","token":"…"}}: {why}"#)
            }
            Self::UnknownAction => "the actions are subscribe, unsubscribe and ping".to_owned(),
            Self::TokenMissing => "send the order_token of the order as the member token".to_owned(),
            Self::TokenInvalid => "each order has a token of its own: the order_token of the 202 answer".to_owned(),
            Self::TokenExpired => "send the order again with its Idempotency-Key for a new one".to_owned(),
            Self::TokenReadOnly => {
                "to have an order cancelled, send its order_token: a read_token can only read".to_owned()
            }
            Self::OrderNotFound(order) => format!("order {order} never existed, or it is past its retention"),
            Self::TooManySubscriptions(max) => format!(
                "a connection subscribes to {max} orders at most; \
                 unsubscribe from one, or open another connection"
            ),
            Self::TooManySubscribers => "poll status_url instead, or end another subscription to the order".to_owned(),
            Self::TooManyMessages => "nothing was done; subscribe and unsubscribe less often".to_owned(),
            Self::TooManyConnections => "poll status_url meanwhile, or connect again a little later".to_owned(),
            Self::StorageUnavailable => "send the message again a little later".to_owned(),
        }
    }

    /// The message with which the client is answered.
    pub(crate) fn text(&self) -> String {
        to_json(&Problem::new(self.problem_type()).detail(self.detail()))
    }
}

impl From<TokenError> for MessageError {
    fn from(e: TokenError) -> Self {
        match e {
            TokenError::Invalid => Self::TokenInvalid,
            TokenError::Expired => Self::TokenExpired,
        }
    }
}

impl Action {
    /// Subscribing with a token. One that can only read cannot have the order cancelled.
    ///
    /// # Errors
    /// If it is to.
    pub(crate) fn subscribe(token: OpenedToken, cancels: bool) -> Result<Self, MessageError> {
        if cancels && !token.access.includes(Access::Full) {
            return Err(MessageError::TokenReadOnly);
        }
        Ok(Self::Subscribe { order: token.order, cancels })
    }

    /// Reads a message.
    pub(crate) fn read(text: &str, keys: &TokenKeys, now: DateTime<Utc>) -> Result<Self, MessageError> {
        if text.len() > MESSAGE_MAX_BYTES {
            return Err(MessageError::TooLong);
        }
        // Its words about syntax name a place. About a type they would quote the value.
        let invalid = |e: serde_json::Error| {
            let words = "action and token are strings, and cancel_on_disconnect is true or false";
            MessageError::Invalid(if e.is_data() { words.to_owned() } else { e.to_string() })
        };
        // By way of a map: serde would take an array for a struct too.
        let message: Map<String, Value> = serde_json::from_str(text_without_mark(text)).map_err(invalid)?;
        let message: Message = serde_json::from_value(message.into()).map_err(invalid)?;
        let order = || match message.token.as_deref() {
            Some(token) => keys.open(token, now).map_err(MessageError::from),
            None => Err(MessageError::TokenMissing),
        };
        match message.action.as_str() {
            "subscribe" => Self::subscribe(order()?, message.cancel_on_disconnect),
            "unsubscribe" => Ok(Self::Unsubscribe { order: order()?.order }),
            "ping" => Ok(Self::Ping),
            _ => Err(MessageError::UnknownAction),
        }
    }
}

pub(crate) fn pong() -> String {
    json!({"type": "pong"}).to_string()
}

pub(crate) fn unsubscribed(order: OrderId) -> String {
    json!({"type": "unsubscribed", "order": order}).to_string()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn an_action_is_read_from_its_message() {
        let keys = TokenKeys::parse(&"k".repeat(32)).unwrap();
        let order = OrderId::new(chrono::DateTime::UNIX_EPOCH);
        let now = DateTime::UNIX_EPOCH;
        let sign = |access| keys.sign(order, access, now + TimeDelta::seconds(9));
        let (token, read_token) = (sign(Access::Full), sign(Access::Read));
        let read = |text: &str| Action::read(&text.replace("$TOKEN", &token).replace("$READ", &read_token), &keys, now);
        assert_eq!(read(r#"{"action":"subscribe","token":"$TOKEN"}"#), Ok(Action::Subscribe { order, cancels: false }));
        let cancels = r#"{"action":"subscribe","token":"$TOKEN","cancel_on_disconnect":true,"more":1}"#;
        assert_eq!(read(cancels), Ok(Action::Subscribe { order, cancels: true }));
        assert_eq!(read(r#"{"action":"unsubscribe","token":"$TOKEN"}"#), Ok(Action::Unsubscribe { order }));
        assert_eq!(read(r#"{"action":"ping"}"#), Ok(Action::Ping));
        let reads = r#"{"action":"subscribe","token":"$READ"}"#;
        assert_eq!(read(reads), Ok(Action::Subscribe { order, cancels: false }));
        let cancels = r#"{"action":"subscribe","token":"$READ","cancel_on_disconnect":true}"#;
        assert_eq!(read(cancels), Err(MessageError::TokenReadOnly));
        let late = Action::read(&reads.replace("$READ", &read_token), &keys, now + TimeDelta::seconds(9));
        assert_eq!(late, Err(MessageError::TokenExpired));
        for invalid in ["", "[]", r#"{"token":"$TOKEN"}"#] {
            assert!(matches!(read(invalid), Err(MessageError::Invalid(_))), "{invalid}");
        }
        let secret = read(r#"{"action":"ping","cancel_on_disconnect":"secret"}"#).unwrap_err();
        assert!(!secret.text().contains("secret"), "{secret:?}");
        assert_eq!(read(r#"{"action":"dance"}"#), Err(MessageError::UnknownAction));
        assert_eq!(read(r#"{"action":"subscribe"}"#), Err(MessageError::TokenMissing));
        assert_eq!(read(r#"{"action":"subscribe","token":"x"}"#), Err(MessageError::TokenInvalid));
        assert_eq!(read(&format!(r#"{{"action":"{}"}}"#, "x".repeat(5_000))), Err(MessageError::TooLong));
    }

    /// One of each variant: a new one does not compile until it has an example here, by which it is
    /// tested.
    fn example(variant: Variant) -> MessageError {
        match variant {
            Variant::TooLong => MessageError::TooLong,
            Variant::Invalid => MessageError::Invalid("at line 1 column 2".to_owned()),
            Variant::UnknownAction => MessageError::UnknownAction,
            Variant::TokenMissing => MessageError::TokenMissing,
            Variant::TokenInvalid => MessageError::TokenInvalid,
            Variant::TokenExpired => MessageError::TokenExpired,
            Variant::TokenReadOnly => MessageError::TokenReadOnly,
            Variant::OrderNotFound => MessageError::OrderNotFound(OrderId::new(chrono::DateTime::UNIX_EPOCH)),
            Variant::TooManySubscriptions => MessageError::TooManySubscriptions(100),
            Variant::TooManySubscribers => MessageError::TooManySubscribers,
            Variant::TooManyMessages => MessageError::TooManyMessages,
            Variant::TooManyConnections => MessageError::TooManyConnections,
            Variant::StorageUnavailable => MessageError::StorageUnavailable,
        }
    }

    #[test]
    fn every_message_that_fails_is_answered_with_its_problem() {
        for variant in Variant::iter() {
            let error = example(variant);
            let problem: Problem = serde_json::from_str(&error.text()).unwrap();
            assert!(problem.is(error.problem_type()), "{variant:?}");
            assert_eq!(problem.status, error.problem_type().status(), "{variant:?}");
            assert!(problem.detail.is_some_and(|detail| !detail.is_empty()), "{variant:?}");
        }
    }

    proptest! {
        #[test]
        fn no_message_of_a_stranger_subscribes(text in ".{0,200}", token in ".{0,80}", cancels: bool) {
            let keys = TokenKeys::parse(&"k".repeat(32)).unwrap();
            let message = json!({"action": "subscribe", "token": token, "cancel_on_disconnect": cancels}).to_string();
            for text in [text, message] {
                let read = Action::read(&text, &keys, DateTime::UNIX_EPOCH);
                prop_assert!(matches!(read, Err(_) | Ok(Action::Ping)), "{}", text);
                // Whatever it is, its answer is a problem that can be read.
                if let Err(e) = read {
                    prop_assert!(serde_json::from_str::<Problem>(&e.text()).is_ok());
                }
            }
        }
    }
}
