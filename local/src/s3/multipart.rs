//! Uploads in parts.

use md5::{Digest, Md5};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Checksum, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag,
    ETagCondition, ListPartsInput, ListPartsOutput, Part as ListedPart, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::object::{Failed, check_write, class_name, refuse_unsupported_condition, timestamp, without_chunking};
use super::service::{Buckets, internal};
use super::tagging;
use super::upload::{self, Stated};
use crate::clock::Millis;
use crate::sigv4::hex;
use crate::store::multipart::{self, Part, Upload};
use crate::store::objects::{self, Head, NewObject};

const MAX_PARTS: i32 = 10_000;
/// Every part but the last has at least this much.
const MIN_PART_BYTES: i64 = 5 * 1024 * 1024;
/// What a completed object may hold: it is assembled in memory.
const MAX_OBJECT_BYTES: i64 = 512 * 1024 * 1024;

fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

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
            content_encoding: without_chunking(input.content_encoding),
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
        .map_err(|error| Failed::from(error).into_s3())?;
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
    let answered = upload::as_answered(&received.checksums);
    let part = Part {
        number: input.part_number,
        etag: etag.clone(),
        size: crate::store::integer(received.body.len()),
        modified: s3.clock.now(),
    };
    let (bucket, key, id, body) = (input.bucket, input.key, input.upload_id, received.body);
    s3.store
        .write_large(move |transaction| -> Result<(), Failed> {
            multipart::find(transaction, &id, &bucket, &key)?.ok_or_else(no_such_upload)?;
            Ok(multipart::put_part(transaction, &id, &part, &body)?)
        })
        .await
        .map_err(Failed::into_s3)?;
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(ETag::Strong(etag)),
        checksum_crc32: answered.checksum_crc32,
        checksum_crc32c: answered.checksum_crc32c,
        checksum_crc64nvme: answered.checksum_crc64nvme,
        checksum_sha1: answered.checksum_sha1,
        checksum_sha256: answered.checksum_sha256,
        ..UploadPartOutput::default()
    }))
}

pub(super) async fn complete(
    s3: &Buckets,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let input = request.input;
    s3.registry.get(&input.bucket)?;
    refuse_unsupported_condition(input.if_none_match.as_ref())?;
    let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let (bucket, key) = (input.bucket.clone(), input.key.clone());
    let completion = Completion {
        id: input.upload_id,
        named,
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        modified: s3.clock.now(),
    };
    let etag = s3
        .store
        .write_large(move |transaction| -> Result<String, Failed> {
            let upload = multipart::find(transaction, &completion.id, &bucket, &key)?.ok_or_else(no_such_upload)?;
            completion.assemble(transaction, upload)
        })
        .await
        .map_err(Failed::into_s3)?;
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(etag)),
        ..CompleteMultipartUploadOutput::default()
    }))
}

/// The end of an upload.
struct Completion {
    id: String,
    named: Vec<CompletedPart>,
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
    modified: Millis,
}

impl Completion {
    /// Puts the named parts together under the key, if the conditions hold; gives the ETag.
    fn assemble(&self, transaction: &rusqlite::Transaction<'_>, upload: Upload) -> Result<String, Failed> {
        let chosen = choose(&self.named, &multipart::parts(transaction, &self.id)?)?;
        let current = objects::find(transaction, &upload.bucket, &upload.key)?;
        check_write(current.as_ref(), self.if_match.as_ref(), self.if_none_match.as_ref())?;
        let size = chosen.iter().map(|part| part.size).sum::<i64>();
        let mut whole = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        for part in &chosen {
            multipart::append_part(transaction, &self.id, part.number, &mut whole)?;
        }
        let etag = combined_etag(&chosen);
        let object = NewObject {
            bucket: upload.bucket,
            key: upload.key,
            etag: etag.clone(),
            modified: self.modified,
            storage_class: upload.storage_class,
            head: Head { parts: i32::try_from(chosen.len()).ok(), ..upload.head },
            tags: upload.tags,
            body: whole.into(),
        };
        objects::put(transaction, &object)?;
        multipart::delete(transaction, &self.id)?;
        Ok(etag)
    }
}

/// Pure: the stored parts that a completion names, in its order.
fn choose(named: &[CompletedPart], stored: &[Part]) -> S3Result<Vec<Part>> {
    if named.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    if named.windows(2).any(|pair| pair[0].part_number >= pair[1].part_number) {
        return Err(s3_error!(
            InvalidPartOrder,
            "The list of parts was not in ascending order. Parts must be ordered by part number."
        ));
    }
    let invalid = || {
        s3_error!(
            InvalidPart,
            "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
        )
    };
    let chosen = named
        .iter()
        .map(|name| {
            let part = stored.iter().find(|part| Some(part.number) == name.part_number).ok_or_else(invalid)?;
            let same = name.e_tag.as_ref().is_some_and(|etag| etag.value() == part.etag);
            if same { Ok(part.clone()) } else { Err(invalid()) }
        })
        .collect::<S3Result<Vec<_>>>()?;
    let (_, all_but_last) = chosen.split_last().ok_or_else(invalid)?;
    if all_but_last.iter().any(|part| part.size < MIN_PART_BYTES) {
        return Err(s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size"));
    }
    if chosen.iter().map(|part| part.size).sum::<i64>() > MAX_OBJECT_BYTES {
        return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size"));
    }
    Ok(chosen)
}

/// The MD5 of the parts' MD5s, and their number.
fn combined_etag(parts: &[Part]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(unhex(&part.etag));
    }
    format!("{}-{}", hex(&md5.finalize()), parts.len())
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

pub(super) async fn abort(
    s3: &Buckets,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let AbortMultipartUploadInput { bucket, key, upload_id, .. } = request.input;
    s3.registry.get(&bucket)?;
    s3.store
        .write(|transaction| -> Result<(), Failed> {
            multipart::find(transaction, &upload_id, &bucket, &key)?.ok_or_else(no_such_upload)?;
            Ok(multipart::delete(transaction, &upload_id)?)
        })
        .await
        .map_err(Failed::into_s3)?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

pub(super) async fn list(s3: &Buckets, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
    let ListPartsInput { bucket, key, upload_id, .. } = request.input;
    s3.registry.get(&bucket)?;
    let parts = s3
        .store
        .run(|connection| -> Result<_, Failed> {
            multipart::find(connection, &upload_id, &bucket, &key)?.ok_or_else(no_such_upload)?;
            Ok(multipart::parts(connection, &upload_id)?)
        })
        .await
        .map_err(Failed::into_s3)?;
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

/// Gives up the uploads to a bucket that were begun before `before`; used by the lifecycle.
pub(super) async fn abort_begun_before(
    s3: &Buckets,
    bucket: &str,
    before: Millis,
    concerns: impl Fn(&str) -> bool,
) -> S3Result<usize> {
    s3.store
        .write(|transaction| {
            let uploads = multipart::begun_before(transaction, bucket, before)?;
            let mut given_up = 0;
            for (id, _) in uploads.iter().filter(|(_, key)| concerns(key)) {
                multipart::delete(transaction, id)?;
                given_up += 1;
            }
            Ok(given_up)
        })
        .await
        .map_err(internal)
}
