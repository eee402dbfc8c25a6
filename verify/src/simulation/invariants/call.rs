//! A call to AWS, as far as the invariants need it.

use serde_json::Value;

use super::super::network::{Request, Response};

/// A call that has been carried out.
pub(super) struct Call<'a> {
    /// `DynamoDB_20120810.UpdateItem`, `AmazonSQS.SendMessage`, or the method of a call to S3.
    pub(super) operation: &'a str,
    /// The key of an object in S3.
    pub(super) key: &'a str,
    pub(super) request: &'a Request,
    pub(super) response: &'a Response,
}

impl<'a> Call<'a> {
    pub(super) fn new(request: &'a Request, response: &'a Response) -> Self {
        let target = request.headers().get("x-amz-target").and_then(|t| t.to_str().ok());
        let operation = target.unwrap_or_else(|| request.method().as_str());
        let key = match target {
            Some(_) => "",
            // Behind the bucket.
            None => request.uri().path().splitn(3, '/').nth(2).unwrap_or_default(),
        };
        let operation = operation.rsplit('.').next().unwrap_or_default();
        Self { operation, key, request, response }
    }

    pub(super) fn succeeded(&self) -> bool {
        self.response.status().is_success()
    }

    pub(super) fn asked(&self) -> Value {
        serde_json::from_slice(self.request.body()).unwrap_or_default()
    }

    pub(super) fn answered(&self) -> Value {
        serde_json::from_slice(self.response.body()).unwrap_or_default()
    }
}
