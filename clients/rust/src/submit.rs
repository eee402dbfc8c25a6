//! Submitting an order.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use reqwest::header::HeaderValue;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::{error::Error, http::Http, receipt::Receipt, response::ApiResponse};

/// A submission. Awaited, it is sent.
#[derive(Debug)]
#[must_use = "an order is submitted when this is awaited"]
pub struct Submit<'a> {
    http: &'a Http,
    body: Result<Body, String>,
    key: Option<String>,
    options: Map<String, Value>,
    limit: Option<Duration>,
}

/// How urgent an order is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Priority {
    /// It may wait for the others.
    Low,
    /// Of orders that say nothing.
    #[default]
    Normal,
    /// It goes before the others.
    High,
}

impl Priority {
    fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

#[derive(Debug)]
enum Body {
    Value(Value),
    Text(String),
}

impl<'a> Submit<'a> {
    pub(crate) fn new(http: &'a Http, order: &impl Serialize) -> Self {
        let body = serde_json::to_value(order).map(Body::Value).map_err(|e| e.to_string());
        Self { http, body, key: None, options: Map::new(), limit: None }
    }

    pub(crate) fn json(http: &'a Http, order: &str) -> Self {
        Self { http, body: Ok(Body::Text(order.to_owned())), key: None, options: Map::new(), limit: None }
    }

    /// The same key gives the same order. By default a new key is made for each submission, before
    /// the first attempt. Give one that outlives the program, if the order must not be submitted
    /// twice even then.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The order fails if it has not ended after this many seconds.
    pub fn deadline_seconds(self, seconds: u32) -> Self {
        self.option("deadline_seconds", seconds)
    }

    /// The work starts after this many seconds at the earliest.
    pub fn delay_seconds(self, seconds: u32) -> Self {
        self.option("delay_seconds", seconds)
    }

    /// A label, by which the order is found. The service takes ten at most.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let labels = self.options.entry("labels").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(labels) = labels {
            labels.insert(name.into(), Value::String(value.into()));
        }
        self
    }

    /// How urgent the order is. The service refuses a priority for which it has no queue.
    pub fn priority(self, priority: Priority) -> Self {
        self.option("priority", priority.as_str())
    }

    /// Any other option of the service, by its name.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// The longest that the submission may take, retries included.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Submits the order, and returns the api's whole response.
    ///
    /// # Errors
    /// [`Error::Problem`] if the order or its key is refused, [`Error::Unreachable`],
    /// [`Error::Timeout`], [`Error::InvalidInput`] if the order is not JSON.
    pub async fn response(self) -> Result<ApiResponse<Receipt>, Error> {
        let key = self.key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let key = key_header(&key)?;
        let body = self.body.map_err(|e| Error::InvalidInput(format!("the order cannot be written as JSON: {e}")))?;
        let body = match body {
            Body::Text(text) if self.options.is_empty() => text,
            Body::Text(_) => {
                return Err(Error::InvalidInput("an order that is JSON text holds its own options".to_owned()));
            }
            Body::Value(order) => with_options(order, self.options)?.to_string(),
        };
        let submitted = self.http.submit(&body, &key);
        match self.limit {
            None => submitted.await,
            Some(limit) => timeout(limit, submitted).await.map_err(|_| Error::Timeout)?,
        }
    }
}

/// The order with the options, which override its own.
fn with_options(mut order: Value, options: Map<String, Value>) -> Result<Value, Error> {
    if options.is_empty() {
        return Ok(order);
    }
    let Value::Object(members) = &mut order else {
        return Err(Error::InvalidInput("only an order that is a JSON object can have options".to_owned()));
    };
    let own = members.entry("options").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(own) = own else {
        return Err(Error::InvalidInput("the order's options must be a JSON object".to_owned()));
    };
    own.extend(options);
    Ok(order)
}

impl<'a> IntoFuture for Submit<'a> {
    type Output = Result<Receipt, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.response().await.map(|response| response.body) })
    }
}

/// The header of a key: as it is, or as a string (RFC 9651 §3.3.3) where it has what a bare one may
/// not have. Both are the same key.
pub(crate) fn key_header(key: &str) -> Result<HeaderValue, Error> {
    let wrong = || Error::InvalidInput("an idempotency key has visible ASCII characters and spaces only".to_owned());
    if !key.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return Err(wrong());
    }
    let bare = !key.contains([' ', '"', '\\']);
    let text = if bare { key.to_owned() } else { format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\"")) };
    HeaderValue::try_from(text).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_are_merged_into_those_of_the_order() {
        let options = Map::from_iter([("delay_seconds".to_owned(), json!(5))]);
        let order = json!({"kind": "report", "options": {"delay_seconds": 1, "deadline_seconds": 9}});
        let both = with_options(order, options.clone()).expect("an object");
        assert_eq!(both, json!({"kind": "report", "options": {"delay_seconds": 5, "deadline_seconds": 9}}));
        assert!(with_options(json!([1]), options.clone()).is_err());
        assert!(with_options(json!({"options": 1}), options).is_err());
    }

    #[test]
    fn an_order_without_options_is_sent_unchanged() {
        assert_eq!(with_options(json!([1]), Map::new()).expect("the api says what is wrong"), json!([1]));
    }
}
