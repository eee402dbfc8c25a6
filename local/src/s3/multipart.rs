//! Uploads in parts.

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Checksum, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, ListPartsInput, ListPartsOutput, Part as ListedPart, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::buckets::Buckets;
use super::error::{WriteError, internal, no_such_upload};
use super::object::{class_name, without_chunking};
use super::tagging;
use super::timestamp::timestamp;
use super::upload::{self, Stated};
use crate::clock::Millis;
use crate::store::multipart::{self, Part, Upload};
use crate::store::objects::Head;

const MAX_PARTS: i32 = 10_000;

pub(super) async fn create(
    s3: &Buckets,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let input = request.input;
    s3.registry.get(&input.bucket)?;
    let upload = Upload {
        id: uuid::Uuid::new_v4().simple().to_string(),
        bucket: input.bucket,
        key: input.key,
        started: s3.clock.now(),
        storage_class: class_name(input.storage_class),
        tags: input.tagging.as_deref().map(tagging::parse).transpose()?.unwrap_or_default(),
        head: Head {
            content_type: input.content_type,
            cache_control: input.cache_control,
            content_encoding: without_chunking(input.content_encoding.as_deref()),
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            expires: input.expires,
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            ..Head::default()
        },
    };
    s3.store
        .run(|connection| multipart::insert(connection, &upload))
        .await
        .map_err(|error| WriteError::from(error).into_s3())?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(upload.bucket),
        key: Some(upload.key),
        upload_id: Some(upload.id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        ..CreateMultipartUploadOutput::default()
    }))
}

pub(super) async fn upload(
    s3: &Buckets,
    request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let S3Request { input, headers, trailing_headers, .. } = request;
    if !(1..=MAX_PARTS).contains(&input.part_number) {
        return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"));
    }
    s3.registry.get(&input.bucket)?;
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
    let part = Part {
        number: input.part_number,
        etag: etag.clone(),
        size: crate::store::integer(received.body.len()),
        modified: s3.clock.now(),
    };
    let (bucket, key, id, body) = (input.bucket, input.key, input.upload_id, received.body);
    s3.store
        .write_large(move |transaction| -> Result<(), WriteError> {
            multipart::find(transaction, &id, &bucket, &key)?.ok_or_else(no_such_upload)?;
            Ok(multipart::put_part(transaction, &id, &part, &body)?)
        })
        .await
        .map_err(WriteError::into_s3)?;
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(ETag::Strong(etag)),
        checksum_crc32: checksums.checksum_crc32,
        checksum_crc32c: checksums.checksum_crc32c,
        checksum_crc64nvme: checksums.checksum_crc64nvme,
        checksum_sha1: checksums.checksum_sha1,
        checksum_sha256: checksums.checksum_sha256,
        ..UploadPartOutput::default()
    }))
}

pub(super) async fn abort(
    s3: &Buckets,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let AbortMultipartUploadInput { bucket, key, upload_id, .. } = request.input;
    s3.registry.get(&bucket)?;
    s3.store
        .write(|transaction| -> Result<(), WriteError> {
            multipart::find(transaction, &upload_id, &bucket, &key)?.ok_or_else(no_such_upload)?;
            Ok(multipart::delete(transaction, &upload_id)?)
        })
        .await
        .map_err(WriteError::into_s3)?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

pub(super) async fn list(s3: &Buckets, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
    let ListPartsInput { bucket, key, upload_id, .. } = request.input;
    s3.registry.get(&bucket)?;
    let parts = s3
        .store
        .run(|connection| -> Result<_, WriteError> {
            multipart::find(connection, &upload_id, &bucket, &key)?.ok_or_else(no_such_upload)?;
            Ok(multipart::parts(connection, &upload_id)?)
        })
        .await
        .map_err(WriteError::into_s3)?;
    let parts = parts
        .into_iter()
        .map(|part| ListedPart {
            part_number: Some(part.number),
            e_tag: Some(ETag::Strong(part.etag)),
            size: Some(part.size),
            last_modified: Some(timestamp(part.modified)),
            ..ListedPart::default()
        })
        .collect();
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(bucket),
        key: Some(key),
        upload_id: Some(upload_id),
        is_truncated: Some(false),
        parts: Some(parts),
        ..ListPartsOutput::default()
    }))
}

/// Aborts the uploads to a bucket that were begun before `before`, for the lifecycle.
pub(super) async fn abort_begun_before(
    s3: &Buckets,
    bucket: &str,
    before: Millis,
    concerns: impl Fn(&str) -> bool,
) -> S3Result<usize> {
    s3.store
        .write(|transaction| {
            let uploads = multipart::begun_before(transaction, bucket, before)?;
            let mut aborted = 0;
            for (id, _) in uploads.iter().filter(|(_, key)| concerns(key)) {
                multipart::delete(transaction, id)?;
                aborted += 1;
            }
            Ok(aborted)
        })
        .await
        .map_err(internal)
}
