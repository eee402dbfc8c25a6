//! How objects are read and written: directly, or through the SDK.

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::{Client, config, primitives::ByteStream};
use aws_smithy_types::{error::metadata::ProvideErrorMetadata as _, timeout::TimeoutConfig};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};

use crate::{
    direct::{Answer, Body, Call, Failure, Patience, Switch},
    error::{Error, Kind},
};

const PUT: &str = "s3.PutObject";
const GET: &str = "s3.GetObject";
const HEAD: &str = "s3.HeadObject";
const DELETE: &str = "s3.DeleteObject";

/// Any object: as a condition, that there is none.
const ANY: &str = "*";
/// For a large file, which takes longer than a status object.
const OF_A_FILE: Patience = Patience { attempt: Duration::from_secs(300), whole: Duration::from_secs(900) };

/// The objects of a bucket. Their keys must need no percent-encoding.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    client: Client,
    switch: Switch,
    name: Arc<str>,
}

/// On what condition an object is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum If<'a> {
    /// There is none.
    Absent,
    /// It has this `ETag`.
    Match(&'a str),
}

/// What is written.
#[derive(Debug)]
pub(crate) struct NewObject<'a> {
    pub(crate) content_type: &'a str,
    pub(crate) cache_control: Option<&'static str>,
    pub(crate) disposition: Option<String>,
    pub(crate) condition: Option<If<'a>>,
    pub(crate) body: Body<'a>,
}

/// An object was not read.
#[derive(Debug)]
pub(crate) struct NotRead {
    pub(crate) error: Error,
    /// The code of S3's answer, if there was one.
    pub(crate) code: String,
}

impl From<Failure> for NotRead {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code(), error: failure.error }
    }
}

impl Bucket {
    pub(crate) fn new(client: Client, switch: Switch, name: &str) -> Self {
        Self { client, switch, name: name.into() }
    }

    /// Writes an object, and answers with its `ETag`.
    ///
    /// # Errors
    /// [`Kind::Conflict`] if the condition does not hold; others if the call fails.
    pub(crate) async fn put(&self, key: &str, object: NewObject<'_>) -> Result<String, Error> {
        let Some(direct) = self.switch.direct() else { return self.put_by_sdk(key, object).await };
        let NewObject { content_type, cache_control, disposition, condition, body } = object;
        let condition = condition.map(|condition| match condition {
            If::Absent => (header::IF_NONE_MATCH, ANY),
            If::Match(etag) => (header::IF_MATCH, etag),
        });
        let fields = [
            Some((header::CONTENT_TYPE, content_type)),
            cache_control.map(|text| (header::CACHE_CONTROL, text)),
            disposition.as_deref().map(|text| (header::CONTENT_DISPOSITION, text)),
            condition,
        ];
        let mut headers = HeaderMap::with_capacity(8);
        for (name, text) in fields.into_iter().flatten() {
            let value = HeaderValue::from_str(text).map_err(|e| Error::new(Kind::Invalid, PUT, e.to_string()))?;
            headers.insert(name, value);
        }
        let patience = matches!(body, Body::File(_)).then_some(OF_A_FILE);
        let call = Call { operation: PUT, method: Method::PUT, path: key, headers, body, patience };
        let answer = direct.send(call).await.map_err(|failure| failure.error)?;
        Ok(etag(&answer))
    }

    async fn put_by_sdk(&self, key: &str, object: NewObject<'_>) -> Result<String, Error> {
        let NewObject { content_type, cache_control, disposition, condition, body } = object;
        let put = self.client.put_object().bucket(&*self.name).key(key).content_type(content_type);
        let put = put.set_cache_control(cache_control.map(str::to_owned)).set_content_disposition(disposition);
        let put = match condition {
            None => put,
            Some(If::Absent) => put.if_none_match(ANY),
            Some(If::Match(etag)) => put.if_match(etag),
        };
        let sent = match body {
            Body::Bytes(bytes) => Box::pin(put.body(ByteStream::from(bytes)).send()).await,
            Body::File(path) => {
                let body = ByteStream::from_path(path).await;
                let body = body.map_err(|e| Error::new(Kind::Invalid, PUT, e.to_string()))?;
                let Patience { attempt, whole } = OF_A_FILE;
                let timeouts = TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(whole);
                let patient = config::Builder::new().timeout_config(timeouts.build());
                Box::pin(put.body(body).customize().config_override(patient).send()).await
            }
        };
        sent.map(|put| put.e_tag.unwrap_or_default()).map_err(|e| Error::of(PUT, &e))
    }

    /// Reads an object: its `ETag` and its body.
    ///
    /// # Errors
    /// If there is none, or the call fails.
    pub(crate) async fn get(&self, key: &str) -> Result<(String, Bytes), NotRead> {
        if let Some(direct) = self.switch.direct() {
            let answer = direct.send(call(GET, Method::GET, key)).await?;
            return Ok((etag(&answer), answer.body));
        }
        let got = Box::pin(self.client.get_object().bucket(&*self.name).key(key).send()).await;
        let object = got.map_err(|e| {
            let code = e.code().unwrap_or_default().to_owned();
            NotRead { code, error: Error::of(GET, &e) }
        })?;
        let etag = object.e_tag.unwrap_or_default();
        let body = object
            .body
            .collect()
            .await
            .map_err(|e| NotRead { code: String::new(), error: Error::new(Kind::Unavailable, GET, e.to_string()) })?;
        Ok((etag, body.into_bytes()))
    }

    /// Finds out that there is an object.
    ///
    /// # Errors
    /// If there is none, or the call fails.
    pub(crate) async fn head(&self, key: &str) -> Result<(), Error> {
        if let Some(direct) = self.switch.direct() {
            return direct.send(call(HEAD, Method::HEAD, key)).await.map(drop).map_err(|failure| failure.error);
        }
        let head = self.client.head_object().bucket(&*self.name).key(key);
        Box::pin(head.send()).await.map(drop).map_err(|e| Error::of(HEAD, &e))
    }

    /// Deletes an object, whether or not there is one.
    ///
    /// # Errors
    /// If the call fails.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        if let Some(direct) = self.switch.direct() {
            return direct.send(call(DELETE, Method::DELETE, key)).await.map(drop).map_err(|failure| failure.error);
        }
        let delete = self.client.delete_object().bucket(&*self.name).key(key);
        Box::pin(delete.send()).await.map(drop).map_err(|e| Error::of(DELETE, &e))
    }
}

/// A call without a body.
fn call<'a>(operation: &'static str, method: Method, key: &'a str) -> Call<'a> {
    let body = Body::Bytes(Bytes::new());
    Call { operation, method, path: key, headers: HeaderMap::with_capacity(4), body, patience: None }
}

fn etag(answer: &Answer) -> String {
    answer.headers.get(header::ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default().to_owned()
}
