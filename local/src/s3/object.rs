//! Writing one object, and deleting it.

use s3s::dto::{
    Checksum, DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, PutObjectInput, PutObjectOutput, StorageClass,
};
use s3s::{S3Request, S3Response, S3Result};

use super::buckets::Buckets;
use super::condition::{check_write, refuse_unsupported};
use super::error::WriteError;
use super::tagging;
use super::upload::{self, Stated};
use crate::store::objects::{self, Head, NewObject};

/// Bodies from here on are read and written on a blocking thread.
pub(super) const LARGE_BYTES: usize = 256 * 1024;
pub(super) const STANDARD_CLASS: &str = "STANDARD";

pub(super) async fn put(s3: &Buckets, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
    let S3Request { input, headers, trailing_headers, .. } = request;
    s3.registry.get(&input.bucket)?;
    refuse_unsupported(input.if_none_match.as_ref())?;
    let head = Head {
        content_type: input.content_type,
        cache_control: input.cache_control,
        content_encoding: without_chunking(input.content_encoding.as_deref()),
        content_disposition: input.content_disposition,
        content_language: input.content_language,
        expires: input.expires,
        metadata: input.metadata.unwrap_or_default().into_iter().collect(),
        ..Head::default()
    };
    let tags = input.tagging.as_deref().map(tagging::parse).transpose()?.unwrap_or_default();
    let stated = Stated::new(
        Checksum {
            checksum_crc32: input.checksum_crc32,
            checksum_crc32c: input.checksum_crc32c,
            checksum_crc64nvme: input.checksum_crc64nvme,
            checksum_sha1: input.checksum_sha1,
            checksum_sha256: input.checksum_sha256,
            ..Checksum::default()
        },
        input.content_md5,
        &headers,
        trailing_headers,
    );
    let received = upload::receive(input.body, stated).await?;
    let etag = received.etag();
    let checksums = upload::response_checksums(&received.checksums);
    let object = NewObject {
        bucket: input.bucket,
        key: input.key,
        etag: etag.clone(),
        modified: s3.clock.now(),
        storage_class: class_name(input.storage_class),
        head: Head { checksums: received.checksums, ..head },
        tags,
        body: received.body,
    };
    store(s3, object, input.if_match, input.if_none_match).await?;
    Ok(S3Response::new(PutObjectOutput {
        e_tag: Some(ETag::Strong(etag)),
        checksum_crc32: checksums.checksum_crc32,
        checksum_crc32c: checksums.checksum_crc32c,
        checksum_crc64nvme: checksums.checksum_crc64nvme,
        checksum_sha1: checksums.checksum_sha1,
        checksum_sha256: checksums.checksum_sha256,
        ..PutObjectOutput::default()
    }))
}

/// Writes an object if its conditions hold, in one transaction: of any number of writers with the
/// same `If-Match`, one succeeds.
pub(super) async fn store(
    s3: &Buckets,
    object: NewObject,
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
) -> S3Result<()> {
    let large = object.body.len() >= LARGE_BYTES;
    let work = move |transaction: &rusqlite::Transaction<'_>| -> Result<(), WriteError> {
        if if_match.is_some() || if_none_match.is_some() {
            let current = objects::find(transaction, &object.bucket, &object.key)?;
            check_write(current.as_ref(), if_match.as_ref(), if_none_match.as_ref())?;
        }
        Ok(objects::put(transaction, &object)?)
    };
    let stored = if large { s3.store.write_large(work).await } else { s3.store.write(work).await };
    stored.map_err(WriteError::into_s3)
}

pub(super) async fn delete(
    s3: &Buckets,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let DeleteObjectInput { bucket, key, if_match, .. } = request.input;
    s3.registry.get(&bucket)?;
    s3.store
        .write(|transaction| -> Result<_, WriteError> {
            if if_match.is_some() {
                check_write(objects::find(transaction, &bucket, &key)?.as_ref(), if_match.as_ref(), None)?;
            }
            Ok(objects::delete(transaction, &bucket, &key)?)
        })
        .await
        .map_err(WriteError::into_s3)?;
    Ok(S3Response::new(DeleteObjectOutput::default()))
}

/// `aws-chunked` describes the transfer, not the object.
pub(super) fn without_chunking(encoding: Option<&str>) -> Option<String> {
    let kept: Vec<_> =
        encoding?.split(',').map(str::trim).filter(|part| *part != "aws-chunked" && !part.is_empty()).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

pub(super) fn class_name(class: Option<StorageClass>) -> String {
    class.map_or_else(|| STANDARD_CLASS.to_owned(), |class| class.as_str().to_owned())
}
