//! Reading one object.

use bytes::Bytes;
use http::Extensions;
use rusqlite::Connection;
use s3s::dto::{
    Checksum, ChecksumMode, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Range,
    StorageClass, StreamingBlob,
};
use s3s::{Body, S3Error, S3Request, S3Response, S3Result, s3_error};

use super::buckets::Buckets;
use super::condition::Conditions;
use super::error::{WriteError, internal, no_such_key};
use super::object::{LARGE_BYTES, STANDARD_CLASS};
use super::read_headers::Taken;
use super::timestamp::timestamp;
use super::upload;
use crate::store::integer;
use crate::store::objects::{self, Object};

/// A read of one object.
struct ObjectRead {
    bucket: String,
    key: String,
    range: Option<Range>,
    conditions: Conditions,
    taken: Taken,
}

/// What a read found.
enum Found {
    Missing,
    /// More than may be read on this thread.
    TooLarge,
    Stretch {
        object: Box<Object>,
        from: i64,
        body: Vec<u8>,
        /// Not all of it, as was asked for.
        part: bool,
    },
}

impl ObjectRead {
    /// Checks the conditions and reads head and body, at most `limit` bytes, in one transaction.
    fn run(&self, connection: &Connection, limit: usize) -> Result<Found, WriteError> {
        let Some(object) = objects::find(connection, &self.bucket, &self.key)? else { return Ok(Found::Missing) };
        self.conditions.check(&object)?;
        let range = self.range.filter(|_| self.taken.admits_range(&object));
        let (from, length) = match range {
            None => (0, object.size),
            Some(range) => {
                let stretch = range.check(u64::try_from(object.size).unwrap_or_default()).map_err(S3Error::from)?;
                let from = i64::try_from(stretch.start).unwrap_or(i64::MAX);
                (from, i64::try_from(stretch.end).unwrap_or(i64::MAX) - from)
            }
        };
        if length > integer(limit) {
            return Ok(Found::TooLarge);
        }
        let body = if length == 0 { Vec::new() } else { objects::body(connection, object.id, from, length)? };
        Ok(Found::Stretch { object: Box::new(object), from, body, part: range.is_some() })
    }
}

pub(super) async fn get(s3: &Buckets, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
    let S3Request { input, extensions, .. } = request;
    s3.registry.get(&input.bucket)?;
    let taken = extensions.get::<Taken>().cloned().unwrap_or_default();
    let read = ObjectRead {
        bucket: input.bucket.clone(),
        key: input.key,
        range: input.range,
        conditions: Conditions {
            if_match: input.if_match.map(|tag| vec![tag]).or(taken.if_match.clone()),
            if_none_match: input.if_none_match.map(|tag| vec![tag]).or(taken.if_none_match.clone()),
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        },
        taken,
    };
    let mut found = s3.store.run(|connection| read.run(connection, LARGE_BYTES)).await.map_err(WriteError::into_s3)?;
    if matches!(found, Found::TooLarge) {
        let read = move |transaction: &rusqlite::Transaction<'_>| read.run(transaction, usize::MAX);
        found = s3.store.write_large(read).await.map_err(WriteError::into_s3)?;
    }
    let Found::Stretch { object, from, body, part } = found else {
        return Err(missing(s3, &extensions, &input.bucket));
    };
    let content_range = part.then(|| format!("bytes {from}-{}/{}", from + integer(body.len()) - 1, object.size));
    // A checksum is of the whole object, so a range has none.
    let checksum = checksums(
        &object,
        content_range.is_none() && input.checksum_mode.as_ref().map(ChecksumMode::as_str) == Some("ENABLED"),
    );
    Ok(S3Response::new(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(integer(body.len())),
        content_range,
        content_type: content_type(&object),
        cache_control: object.head.cache_control,
        content_encoding: object.head.content_encoding,
        content_disposition: object.head.content_disposition,
        content_language: object.head.content_language,
        expires: object.head.expires,
        metadata: Some(object.head.metadata.into_iter().collect()),
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(timestamp(object.modified)),
        storage_class: storage_class(&object.storage_class),
        tag_count: i32::try_from(object.tags.len()).ok().filter(|count| *count > 0),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        body: Some(StreamingBlob::from(Body::from(Bytes::from(body)))),
        ..GetObjectOutput::default()
    }))
}

pub(super) async fn head(s3: &Buckets, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
    let S3Request { input, extensions, .. } = request;
    s3.registry.get(&input.bucket)?;
    let found =
        s3.store.run(|connection| objects::find(connection, &input.bucket, &input.key)).await.map_err(internal)?;
    let Some(object) = found else { return Err(missing(s3, &extensions, &input.bucket)) };
    let taken = extensions.get::<Taken>().cloned().unwrap_or_default();
    let conditions = Conditions {
        if_match: input.if_match.map(|tag| vec![tag]).or(taken.if_match),
        if_none_match: input.if_none_match.map(|tag| vec![tag]).or(taken.if_none_match),
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    conditions.check(&object)?;
    let checksum = checksums(&object, input.checksum_mode.as_ref().map(ChecksumMode::as_str) == Some("ENABLED"));
    Ok(S3Response::new(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(object.size),
        content_type: content_type(&object),
        cache_control: object.head.cache_control,
        content_encoding: object.head.content_encoding,
        content_disposition: object.head.content_disposition,
        content_language: object.head.content_language,
        expires: object.head.expires,
        metadata: Some(object.head.metadata.into_iter().collect()),
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(timestamp(object.modified)),
        storage_class: storage_class(&object.storage_class),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        ..HeadObjectOutput::default()
    }))
}

/// As on S3, a caller who may not list a bucket does not learn which keys are missing.
fn missing(s3: &Buckets, extensions: &Extensions, bucket: &str) -> S3Error {
    if s3.access.may_list(extensions, bucket) { no_such_key() } else { s3_error!(AccessDenied, "Access Denied") }
}

/// S3 does not name the standard class in a response.
fn storage_class(class: &str) -> Option<StorageClass> {
    (class != STANDARD_CLASS).then(|| StorageClass::from(class.to_owned()))
}

fn content_type(object: &Object) -> Option<String> {
    Some(object.head.content_type.clone().unwrap_or_else(|| "binary/octet-stream".to_owned()))
}

fn checksums(object: &Object, requested: bool) -> Checksum {
    if requested { upload::response_checksums(&object.head.checksums) } else { Checksum::default() }
}
