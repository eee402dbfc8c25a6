//! How objects are read and written: directly, or through the SDK.

#[cfg(feature = "sdk-calls")]
mod by_sdk;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};

use crate::{
    direct::{Answer, Body, Call, Failure, Patience, Switch, by_sdk},
    error::{Error, Kind},
};

const PUT: &str = "s3.PutObject";
const GET: &str = "s3.GetObject";
const HEAD: &str = "s3.HeadObject";
const DELETE: &str = "s3.DeleteObject";

/// Any object: as a condition, that there is none.
const ANY: &str = "*";
/// The objects of a bucket. Their keys must need no percent-encoding.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) switch: Switch,
    #[cfg(feature = "sdk-calls")]
    pub(crate) client: aws_sdk_s3::Client,
    #[cfg(feature = "sdk-calls")]
    pub(crate) name: std::sync::Arc<str>,
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
    /// Where it is not the policy's.
    pub(crate) patience: Option<Patience>,
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
    /// Writes an object, and answers with its `ETag`.
    ///
    /// # Errors
    /// [`Kind::Conflict`] if the condition does not hold; others if the call fails.
    pub(crate) async fn put(&self, key: &str, object: NewObject<'_>) -> Result<String, Error> {
        let Some(direct) = self.switch.direct() else { by_sdk!(self.put_by_sdk(key, object)) };
        let NewObject { content_type, cache_control, disposition, condition, body, patience } = object;
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
        let call = Call { operation: PUT, method: Method::PUT, path: key, headers, body, patience };
        let answer = direct.send(call).await.map_err(|failure| failure.error)?;
        Ok(etag(&answer))
    }

    /// Reads an object: its `ETag` and its body.
    ///
    /// # Errors
    /// If there is none, or the call fails.
    pub(crate) async fn get(&self, key: &str) -> Result<(String, Bytes), NotRead> {
        let Some(direct) = self.switch.direct() else { by_sdk!(self.get_by_sdk(key)) };
        let answer = Box::pin(direct.send(call(GET, Method::GET, key))).await?;
        Ok((etag(&answer), answer.body))
    }

    /// Finds out that there is an object.
    ///
    /// # Errors
    /// If there is none, or the call fails.
    pub(crate) async fn head(&self, key: &str) -> Result<(), Error> {
        let Some(direct) = self.switch.direct() else { by_sdk!(self.head_by_sdk(key)) };
        Box::pin(direct.send(call(HEAD, Method::HEAD, key))).await.map(drop).map_err(|failure| failure.error)
    }

    /// Deletes an object, whether or not there is one.
    ///
    /// # Errors
    /// If the call fails.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        let Some(direct) = self.switch.direct() else { by_sdk!(self.delete_by_sdk(key)) };
        Box::pin(direct.send(call(DELETE, Method::DELETE, key))).await.map(drop).map_err(|failure| failure.error)
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
