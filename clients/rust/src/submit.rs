//! Placing an order.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use reqwest::header::HeaderValue;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::{client::Client, error::Error, receipt::Receipt};

/// An order on its way. Awaited, it is placed.
#[derive(Debug)]
#[must_use = "an order is placed when this is awaited"]
pub struct Submit<'a> {
    client: &'a Client,
    body: Result<Body, String>,
    key: Option<String>,
    options: Map<String, Value>,
    limit: Option<Duration>,
}

#[derive(Debug)]
enum Body {
    Value(Value),
    Text(String),
}

impl<'a> Submit<'a> {
    pub(crate) fn new(client: &'a Client, order: &impl Serialize) -> Self {
        let body = serde_json::to_value(order).map(Body::Value).map_err(|e| e.to_string());
        Self { client, body, key: None, options: Map::new(), limit: None }
    }

    pub(crate) fn text(client: &'a Client, body: &str) -> Self {
        Self { client, body: Ok(Body::Text(body.to_owned())), key: None, options: Map::new(), limit: None }
    }

    /// The same key gives the same order. Made once for each submission by default, before the first try; give one that
    /// outlives the program, if the order must not be placed twice even then.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The order fails if it has not ended after so many seconds.
    pub fn deadline_seconds(self, seconds: u32) -> Self {
        self.option("deadline_seconds", seconds)
    }

    /// The work starts after so many seconds at the earliest.
    pub fn delay_seconds(self, seconds: u32) -> Self {
        self.option("delay_seconds", seconds)
    }

    /// An option by its name, for what the service offers and this crate does not name.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// The longest that placing the order may take, retries included.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Places the order, and gives its receipt together with the service's own text of it.
    ///
    /// # Errors
    /// [`Error::Refused`] if the order or its key is not accepted, [`Error::Unreachable`], [`Error::TimedOut`],
    /// [`Error::Invalid`] if it is not JSON.
    pub async fn with_text(self) -> Result<(Receipt, String), Error> {
        let key = self.key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let key = HeaderValue::try_from(key)
            .map_err(|_| Error::Invalid("an idempotency key has visible ASCII characters only".to_owned()))?;
        let body = match self.body.map_err(|e| Error::Invalid(format!("the order cannot be written as JSON: {e}")))? {
            Body::Text(text) if self.options.is_empty() => text,
            Body::Text(_) => {
                return Err(Error::Invalid("an order that is text already has its options in it".to_owned()));
            }
            Body::Value(order) => with_options(order, self.options)?.to_string(),
        };
        let placed = self.client.http.submit(&body, &key);
        match self.limit {
            None => placed.await,
            Some(limit) => timeout(limit, placed).await.map_err(|_| Error::TimedOut)?,
        }
    }
}

/// The order with the options, which win over its own.
fn with_options(mut order: Value, options: Map<String, Value>) -> Result<Value, Error> {
    if options.is_empty() {
        return Ok(order);
    }
    let Value::Object(members) = &mut order else {
        return Err(Error::Invalid("the order must be a JSON object to be given options".to_owned()));
    };
    let own = members.entry("options").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(own) = own else {
        return Err(Error::Invalid("the order's options must be a JSON object".to_owned()));
    };
    own.extend(options);
    Ok(order)
}

impl<'a> IntoFuture for Submit<'a> {
    type Output = Result<Receipt, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.with_text().await.map(|(receipt, _)| receipt) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_join_those_of_the_order_and_win() {
        let options = Map::from_iter([("delay_seconds".to_owned(), json!(5))]);
        let order = json!({"kind": "report", "options": {"delay_seconds": 1, "deadline_seconds": 9}});
        let both = with_options(order, options.clone()).expect("an object");
        assert_eq!(both, json!({"kind": "report", "options": {"delay_seconds": 5, "deadline_seconds": 9}}));
        assert!(with_options(json!([1]), options.clone()).is_err());
        assert!(with_options(json!({"options": 1}), options).is_err());
        assert_eq!(with_options(json!([1]), Map::new()).expect("as it is"), json!([1]), "the api says what is wrong");
    }
}
