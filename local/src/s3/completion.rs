//! Completing a multipart upload: its parts become one object.

use md5::{Digest, Md5};
use s3s::dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, ETag, ETagCondition};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::buckets::Buckets;
use super::condition::{check_write, refuse_unsupported};
use super::error::{WriteError, no_such_upload};
use crate::clock::Millis;
use crate::sigv4::hex;
use crate::store::multipart::{self, Part, Upload};
use crate::store::objects::{self, Head, NewObject};

/// The smallest size of every part but the last.
const MIN_PART_BYTES: i64 = 5 * 1024 * 1024;
/// The largest completed object: it is assembled in memory.
const MAX_OBJECT_BYTES: i64 = 512 * 1024 * 1024;

pub(super) async fn complete(
    s3: &Buckets,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let input = request.input;
    s3.registry.get(&input.bucket)?;
    refuse_unsupported(input.if_none_match.as_ref())?;
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
        .write_large(move |transaction| -> Result<String, WriteError> {
            let upload = multipart::find(transaction, &completion.id, &bucket, &key)?.ok_or_else(no_such_upload)?;
            completion.assemble(transaction, upload)
        })
        .await
        .map_err(WriteError::into_s3)?;
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(etag)),
        ..CompleteMultipartUploadOutput::default()
    }))
}

/// The completion of an upload.
struct Completion {
    id: String,
    named: Vec<CompletedPart>,
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
    modified: Millis,
}

impl Completion {
    /// Assembles the named parts under the key, if the conditions hold, and returns the ETag.
    fn assemble(&self, transaction: &rusqlite::Transaction<'_>, upload: Upload) -> Result<String, WriteError> {
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
