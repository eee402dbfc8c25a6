//! A client as anybody could write it: plain HTTP and JSON.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{PATIENCE, orders};

/// A response, read whole.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as text.
    pub text: String,
}

impl Response {
    /// Reads a response.
    ///
    /// # Panics
    /// If the connection breaks.
    pub async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.expect("a body") }
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text))
    }

    /// A header's text, empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The last part of a problem's type.
    ///
    /// # Panics
    /// If the response is no problem.
    #[must_use]
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.text);
        let json = self.json();
        assert_eq!(json["status"], self.status, "{json}");
        json["type"].as_str().expect("a type").rsplit('/').next().unwrap_or_default().to_owned()
    }
}

/// What a client knows of an order that was accepted.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The order's id.
    pub id: String,
    /// Where its status is.
    pub status_url: String,
    /// What opens it at the api.
    pub token: String,
    /// The whole response.
    pub body: Value,
}

impl Receipt {
    /// From the body of a 202.
    ///
    /// # Panics
    /// If it is not one.
    #[must_use]
    pub fn of(response: &Response) -> Self {
        assert_eq!(response.status, 202, "{}", response.text);
        let body = response.json();
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{name} in {body}")).to_owned();
        Self { id: text("id"), status_url: text("status_url"), token: text("order_token"), body }
    }
}

/// Submits a small order under this idempotency key until it is accepted.
///
/// # Panics
/// If it is not accepted within [`PATIENCE`].
pub async fn post_until_accepted(http: &reqwest::Client, url: &str, key: &str) -> Receipt {
    let order = orders::fulfilment();
    let end = Instant::now() + PATIENCE;
    loop {
        let request = http.post(url).header("idempotency-key", key).json(&order);
        if let Ok(response) = request.send().await
            && response.status() == 202
        {
            return Receipt::of(&Response::of(response).await);
        }
        assert!(Instant::now() < end, "{key} is not accepted");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Polls one status URL, and checks that the order only goes forward.
#[derive(Debug, Default)]
pub struct Poller {
    last: Option<Value>,
    /// How many different revisions were polled.
    pub changes: usize,
}

impl Poller {
    /// Takes the next status object.
    ///
    /// # Panics
    /// If it is older than one before, or changes a final status.
    pub fn record(&mut self, object: Value) {
        if let Some(last) = &self.last {
            let rank = |v: &Value| match v["status"].as_str() {
                Some("pending") => 0,
                Some("processing") => 1,
                _ => 2,
            };
            assert!(object["revision"].as_u64() >= last["revision"].as_u64(), "went back: {last} then {object}");
            assert!(rank(&object) >= rank(last), "went back: {last} then {object}");
            if last["done"] == true {
                assert_eq!(object["status"], last["status"], "a final status changed");
            }
            if object["revision"] == last["revision"] {
                return;
            }
        }
        self.changes += 1;
        self.last = Some(object);
    }

    /// Polls until the order has ended.
    ///
    /// # Panics
    /// If it does not end within [`PATIENCE`], or goes back.
    pub async fn until_done(&mut self, http: &reqwest::Client, url: &str) -> Value {
        self.until_done_every(Duration::from_millis(25), http, url).await
    }

    /// The same with a longer pause between polls, for a test with so many orders that their polls
    /// would be its load.
    ///
    /// # Panics
    /// As [`until_done`](Self::until_done).
    pub async fn until_done_every(&mut self, pause: Duration, http: &reqwest::Client, url: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            // A refused connection is an outage that a test made.
            if let Ok(response) = http.get(url).send().await
                && response.status() == 200
                && let Ok(object) = response.json::<Value>().await
            {
                self.record(object);
            }
            if let Some(last) = self.last.as_ref().filter(|l| l["done"] == true) {
                return last.clone();
            }
            assert!(Instant::now() < end, "not done within {PATIENCE:?}: {:?}", self.last);
            sleep(pause).await;
        }
    }
}
