//! Status objects and results in S3.
//!
//! Invariant: a status object never goes back. A writer overwrites only the very object that it
//! knows (`If-Match`); where that fails it reads, drops its write if the object is not older, and
//! else tries again.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use serde::Deserialize;

use crate::{
    bucket::{Bucket, If, NewObject, NotRead},
    direct::{Body, Patience},
    error::{Error, Kind},
    presign::encoded,
};
use md5::{Digest as _, Md5};
use offload_domain::{
    fence::Fence,
    id::{OrderId, plain_name},
    status::StatusObject,
};

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

/// A result may be large and take far longer than a status object, in memory or in a file.
const OF_A_RESULT: Patience = Patience { attempt: Duration::from_secs(300), whole: Duration::from_secs(900) };

const JSON: &str = "application/json";
/// A browser keeps the object and revalidates it with its `ETag`, without a preflight.
const REVALIDATED: &str = "no-cache";

/// The bucket.
#[derive(Clone, Debug)]
pub struct StatusStore(Bucket);

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

impl StatusStore {
    pub(crate) fn new(bucket: Bucket) -> Self {
        Self(bucket)
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
        let (etag, body) = match self.0.get(key).await {
            Ok(object) => object,
            Err(NotRead { error, code }) if code == REFUSED => return Ok(Current::Denied(error)),
            Err(NotRead { error: Error { kind: Kind::NotFound, .. }, .. }) => return Ok(Current::Missing),
            Err(NotRead { error, .. }) => return Err(error),
        };
        // What is no status object, is older than every status object.
        let revision = serde_json::from_slice::<Revision>(&body).map_or(0, |r| r.revision);
        Ok(Current::Object { etag, revision })
    }

    /// Writes a status object on a condition, and answers with its `ETag`.
    async fn put(&self, key: &str, body: Bytes, condition: If<'_>) -> Result<String, Error> {
        let object = NewObject {
            content_type: JSON,
            cache_control: Some(REVALIDATED),
            disposition: None,
            condition: Some(condition),
            body: Body::Bytes(body),
            patience: None,
        };
        self.0.put(key, object).await
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
            ResultBody::Bytes(bytes) => Body::Bytes(bytes.into()),
            ResultBody::File(path) => Body::File(path),
        };
        let result = NewObject { patience: Some(OF_A_RESULT), ..download(content_type, name, body) };
        Box::pin(self.0.put(&key, result)).await?;
        Ok(key)
    }

    /// Stores the log of an attempt's work.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn put_log(&self, id: OrderId, fence: Fence, text: String) -> Result<(), Error> {
        let log = download("text/plain; charset=utf-8", "log.txt", Body::Bytes(text.into()));
        Box::pin(self.0.put(&id.log_key(fence), log)).await.map(drop)
    }

    /// The log of an attempt's work, if there is one.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn log(&self, id: OrderId, fence: Fence) -> Result<Option<String>, Error> {
        match self.0.get(&id.log_key(fence)).await {
            Ok((_, bytes)) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(NotRead { error, .. }) => none_there(error),
        }
    }

    /// The latest attempt that has a log: this one, or one of the few before it in its generation.
    ///
    /// # Errors
    /// If a call fails.
    pub async fn latest_log(&self, id: OrderId, from: Fence) -> Result<Option<Fence>, Error> {
        for attempt in (1..=from.attempt).rev().take(LOGS_BACK) {
            let fence = Fence { attempt, ..from };
            match self.0.head(&id.log_key(fence)).await {
                Ok(()) => return Ok(Some(fence)),
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
            self.0.delete(key).await?;
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
        match self.0.get("status/ready").await {
            Err(NotRead { error, code }) if !matches!(&*code, "NoSuchKey" | REFUSED) => Err(error),
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

/// An object that a browser stores under this name: reports and logs are no pages of the bucket's
/// origin.
fn download<'a>(content_type: &'a str, name: &str, body: Body<'a>) -> NewObject<'a> {
    let plain = plain_name(name);
    let mut disposition = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        // RFC 6266: what knows it, takes it.
        disposition = format!("{disposition}; filename*=UTF-8''{}", encoded(name));
    }
    let disposition = Some(disposition);
    NewObject { content_type, cache_control: None, disposition, condition: None, body, patience: None }
}
