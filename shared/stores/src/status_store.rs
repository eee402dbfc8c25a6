//! Status objects and results in S3.
//!
//! Invariant: a status object never goes back. A writer overwrites only the very object that it
//! knows (`If-Match`); where that fails it reads, drops its write if the object is not older, and
//! else tries again.

use std::{path::Path, sync::Arc};

use aws_sdk_s3::{Client, error::SdkError, operation::put_object::PutObjectError, primitives::ByteStream};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Deserialize;

use crate::{
    direct::{self, Service},
    error::{Error, Kind},
};
use md5::{Digest as _, Md5};
use offload_domain::{fence::Fence, id::OrderId, status::StatusObject};

/// Tries of one overwrite against other writers. Each lost try means that another writer's newer
/// revision won, and an order has few of them.
const MAX_TRIES: usize = 8;

/// Attempts that are tried for a log: one that was silent, or whose worker died, has none.
const LOGS_BACK: usize = 5;

/// S3's code for what a role may not do. To one that may not list the bucket it is also the answer
/// to a read of what is missing
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>, "Permissions"). Wrong
/// credentials have other codes.
const REFUSED: &str = "AccessDenied";

const JSON: &str = "application/json";
/// A browser keeps the object and revalidates it with its `ETag`, without a preflight.
const REVALIDATED: &str = "no-cache";
const ANY: &str = "*";

/// The bucket.
#[derive(Clone, Debug)]
pub struct StatusStore {
    client: Client,
    direct: Option<Service>,
    bucket: Arc<str>,
}

/// What became of an overwrite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overwritten {
    /// It is stored, with this `ETag`.
    Written(String),
    /// The object is this new or newer: nothing was written.
    NotOlder,
}

/// What is known of a key's object.
enum Current {
    /// What the caller said: its `ETag`.
    Believed(String),
    /// What was read.
    Object {
        etag: String,
        revision: u64,
    },
    Missing,
    /// Either it is missing, which S3 does not say to a role that may not list the bucket, or it
    /// may not be read. The conditional write that is next decides: it creates an object, or there
    /// is one.
    Denied(Error),
}

/// On what condition an object is written.
#[derive(Debug, Clone, Copy)]
enum If<'a> {
    /// There is none.
    Absent,
    /// It has this `ETag`.
    Match(&'a str),
}

impl StatusStore {
    pub(crate) fn new(client: Client, direct: Option<Service>, bucket: &str) -> Self {
        Self { client, direct, bucket: bucket.into() }
    }

    /// Writes the first object of an order, unless there is one already.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn create(&self, object: &StatusObject) -> Result<(), Error> {
        match self.put(&object.id.status_key(), encode(object)?, If::Absent).await {
            Ok(_) | Err(Error { kind: Kind::Conflict, .. }) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// The `ETag` that S3 gives to an object, so that it need not be waited for: the MD5 of its
    /// body, in quotes. With SSE-KMS it is another; the first overwrite then fails and reads it.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
    ///
    /// # Errors
    /// If the object cannot be serialised.
    pub fn etag(object: &StatusObject) -> Result<String, Error> {
        let digest = Md5::digest(encode(object)?);
        Ok(digest.iter().fold("\"".to_owned(), |hex, byte| hex + &format!("{byte:02x}")) + "\"")
    }

    /// Overwrites the object of an order, unless it is not older. `etag` is what the caller
    /// believes to stand there.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn overwrite(&self, object: &StatusObject, etag: Option<&str>) -> Result<Overwritten, Error> {
        let key = object.id.status_key();
        let body = encode(object)?;
        let mut current = match etag {
            Some(etag) => Current::Believed(etag.to_owned()),
            None => self.current(&key).await?,
        };
        for _ in 0..MAX_TRIES {
            let condition = match &current {
                Current::Object { revision, .. } if *revision >= object.revision => return Ok(Overwritten::NotOlder),
                Current::Object { etag, .. } | Current::Believed(etag) => If::Match(etag),
                Current::Missing | Current::Denied(_) => If::Absent,
            };
            match self.put(&key, body.clone(), condition).await {
                Ok(etag) => return Ok(Overwritten::Written(etag)),
                // 404: the object is gone, by lifecycle or by hand; it is made anew.
                Err(Error { kind: Kind::Conflict | Kind::NotFound, .. }) => {}
                Err(e) => return Err(e),
            }
            current = match (current, self.current(&key).await?) {
                // There was one in between, so that it is reading that is not allowed.
                (Current::Denied(_), Current::Denied(error)) => return Err(error),
                (_, next) => next,
            };
        }
        Err(Error::new(Kind::Throttled, "s3.PutObject", "too many writers of one status object"))
    }

    async fn current(&self, key: &str) -> Result<Current, Error> {
        #[derive(Deserialize)]
        struct Revision {
            revision: u64,
        }
        let object = match Box::pin(self.client.get_object().bucket(&*self.bucket).key(key).send()).await {
            Ok(object) => object,
            Err(e) if e.code() == Some(REFUSED) => return Ok(Current::Denied(Error::of("s3.GetObject", &e))),
            Err(e) => match Error::of("s3.GetObject", &e) {
                Error { kind: Kind::NotFound, .. } => return Ok(Current::Missing),
                e => return Err(e),
            },
        };
        let etag = object.e_tag.unwrap_or_default();
        let unread = |e: &dyn std::error::Error| Error::new(Kind::Unavailable, "s3.GetObject", e.to_string());
        let body = object.body.collect().await.map_err(|e| unread(&e))?.into_bytes();
        // What is no status object, is older than every status object.
        let revision = serde_json::from_slice::<Revision>(&body).map_or(0, |r| r.revision);
        Ok(Current::Object { etag, revision })
    }

    /// Writes a status object on a condition, and answers with its `ETag`.
    async fn put(&self, key: &str, body: Bytes, condition: If<'_>) -> Result<String, Error> {
        const OPERATION: &str = "s3.PutObject";
        let Some(direct) = &self.direct else {
            let put = self.client.put_object().bucket(&*self.bucket).key(key).body(ByteStream::from(body));
            let put = put.content_type(JSON).cache_control(REVALIDATED);
            let put = match condition {
                If::Absent => put.if_none_match(ANY),
                If::Match(etag) => put.if_match(etag),
            };
            return Box::pin(put.send()).await.map(|put| put.e_tag.unwrap_or_default()).map_err(|e| translate(&e));
        };
        let (name, value) = match condition {
            If::Absent => (header::IF_NONE_MATCH, ANY),
            If::Match(etag) => (header::IF_MATCH, etag),
        };
        let value = HeaderValue::from_str(value).map_err(|e| Error::new(Kind::Invalid, OPERATION, e.to_string()))?;
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static(JSON)),
            (header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATED)),
            (name, value),
        ]);
        let call = direct::Call { operation: OPERATION, method: Method::PUT, path: key, headers, body, patience: None };
        let answer = direct.send(call).await.map_err(|failure| failure.error)?;
        Ok(answer.headers.get(header::ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default().to_owned())
    }

    /// Stores the result of an attempt beside the status object, and answers with its key. It
    /// becomes the order's result only when the order table says so; what is left of other attempts
    /// expires by the bucket's lifecycle rule.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn put_result(
        &self,
        id: OrderId,
        fence: Fence,
        name: &str,
        content_type: &str,
        body: ResultBody<'_>,
    ) -> Result<String, Error> {
        let key = id.result_key(fence, name);
        let body = match body {
            ResultBody::Bytes(bytes) => ByteStream::from(bytes),
            ResultBody::File(path) => ByteStream::from_path(path)
                .await
                .map_err(|e| Error::new(Kind::Invalid, "s3.PutObject", e.to_string()))?,
        };
        let put = self.client.put_object().bucket(&*self.bucket).key(&key).content_type(content_type).body(body);
        // Reports are downloads, not pages of the bucket's origin.
        let put = put.content_disposition(format!("attachment; filename=\"{name}\""));
        // A large file takes longer than a status object: the bound is on progress, by the SDK's
        // stalled-stream check.
        let unbounded = aws_sdk_s3::config::timeout::TimeoutConfig::builder()
            .operation_attempt_timeout(std::time::Duration::from_secs(300))
            .operation_timeout(std::time::Duration::from_secs(900))
            .build();
        let patient = aws_sdk_s3::config::Builder::new().timeout_config(unbounded);
        Box::pin(put.customize().config_override(patient).send()).await.map_err(|e| translate(&e))?;
        Ok(key)
    }

    /// Stores the log of an attempt's work.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn put_log(&self, id: OrderId, fence: Fence, text: String) -> Result<(), Error> {
        let put = self.client.put_object().bucket(&*self.bucket).key(id.log_key(fence));
        // A download, as results are.
        let put = put.content_type("text/plain; charset=utf-8").content_disposition("attachment; filename=\"log.txt\"");
        Box::pin(put.body(ByteStream::from(text.into_bytes())).send()).await.map(drop).map_err(|e| translate(&e))
    }

    /// The log of an attempt's work, if there is one.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn log(&self, id: OrderId, fence: Fence) -> Result<Option<String>, Error> {
        let get = Box::pin(self.client.get_object().bucket(&*self.bucket).key(id.log_key(fence)).send()).await;
        let object = match get.map_err(|e| Error::of("s3.GetObject", &e)) {
            Ok(object) => object,
            Err(e) => return none_there(e),
        };
        let broken = |e: &dyn std::error::Error| Error::new(Kind::Unavailable, "s3.GetObject", e.to_string());
        let bytes = object.body.collect().await.map_err(|e| broken(&e))?.into_bytes();
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The latest attempt that has a log: this one, or one of the few before it in its generation.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn latest_log(&self, id: OrderId, from: Fence) -> Result<Option<Fence>, Error> {
        for attempt in (1..=from.attempt).rev().take(LOGS_BACK) {
            let fence = Fence { attempt, ..from };
            let head = Box::pin(self.client.head_object().bucket(&*self.bucket).key(id.log_key(fence)).send()).await;
            match head.map_err(|e| Error::of("s3.HeadObject", &e)) {
                Ok(_) => return Ok(Some(fence)),
                Err(e) => none_there::<Fence>(e)?,
            };
        }
        Ok(None)
    }

    /// Deletes objects, whether or not they are there.
    ///
    /// # Errors
    /// If a call fails; the others may have been made.
    pub async fn delete(&self, keys: &[String]) -> Result<(), Error> {
        for key in keys {
            let delete = Box::pin(self.client.delete_object().bucket(&*self.bucket).key(key).send()).await;
            delete.map_err(|e| Error::of("s3.DeleteObject", &e))?;
        }
        Ok(())
    }

    /// Whether the bucket can be reached and read.
    ///
    /// # Errors
    /// If it cannot.
    pub async fn ready(&self) -> Result<(), Error> {
        // Reading a key that is not there needs no permission beyond those that the service has
        // anyway; without ListBucket the answer is 403 instead of 404, and both come from a bucket
        // that answers.
        let get = Box::pin(self.client.get_object().bucket(&*self.bucket).key("status/ready").send()).await;
        match get {
            Err(e) if !matches!(e.code(), Some("NoSuchKey" | REFUSED)) => Err(Error::of("s3.GetObject", &e)),
            _ => Ok(()),
        }
    }

    /// Whether the bucket can be written, by a write that changes nothing.
    ///
    /// # Errors
    /// If it cannot.
    pub async fn writable(&self) -> Result<(), Error> {
        // Over an object that never is: 404, or 412, from a bucket that would have written it.
        let settled = async |condition| match self.put("status/ready", Bytes::new(), condition).await {
            Ok(_) | Err(Error { kind: Kind::Conflict | Kind::NotFound, .. }) => Ok(()),
            Err(e) => Err(e),
        };
        match settled(If::Match("\"none\"")).await {
            // It may be 403 for what is missing, as of a read. An object that is there from now on
            // is 412.
            Err(e) if e.kind == Kind::Denied => settled(If::Absent).await,
            other => other,
        }
    }
}

/// The body of a result.
#[derive(Debug)]
pub enum ResultBody<'a> {
    /// In memory.
    Bytes(Vec<u8>),
    /// A file, streamed.
    File(&'a Path),
}

/// None, if the object is not there. A role that may not list the bucket is denied what does not
/// exist.
fn none_there<T>(error: Error) -> Result<Option<T>, Error> {
    if matches!(error.kind, Kind::NotFound | Kind::Denied) { Ok(None) } else { Err(error) }
}

fn encode(object: &StatusObject) -> Result<Bytes, Error> {
    serde_json::to_vec(object).map(Bytes::from).map_err(|e| Error::new(Kind::Invalid, "s3.PutObject", e.to_string()))
}

fn translate(error: &SdkError<PutObjectError, HttpResponse>) -> Error {
    Error::of("s3.PutObject", error)
}
