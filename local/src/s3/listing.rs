//! Many objects at once: listing and batch deletion.

use rusqlite::Connection;
use s3s::dto::{
    CommonPrefix, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag, EncodingType, ListObjectsInput,
    ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object as Listed, ObjectStorageClass,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::buckets::Buckets;
use super::error::internal;
use super::timestamp::timestamp;
use crate::store::StoreError;
use crate::store::objects::{self, Object};

const MAX_KEYS: i32 = 1000;
/// Sorts after every key with a given prefix, since no key has a greater character.
const AFTER_PREFIX: char = char::MAX;

/// What a listing found.
#[derive(Default)]
struct Page {
    objects: Vec<Object>,
    prefixes: Vec<String>,
    /// Where the next page starts, if there is one.
    next: Option<String>,
}

impl Page {
    fn len(&self) -> usize {
        self.objects.len() + self.prefixes.len()
    }
}

pub(super) async fn list_v2(
    s3: &Buckets,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let input = request.input;
    s3.registry.get(&input.bucket)?;
    let max_keys = input.max_keys.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS);
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let from = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => token.clone(),
        // The smallest key after it.
        (None, Some(after)) => format!("{after}\0"),
        (None, None) => String::new(),
    };
    let limit = usize::try_from(max_keys).unwrap_or_default();
    let page = s3
        .store
        .run(|connection| find(connection, &input.bucket, &prefix, delimiter.as_deref(), from, limit))
        .await
        .map_err(internal)?;
    let encodes = input.encoding_type.as_ref().map(EncodingType::as_str) == Some(EncodingType::URL);
    let in_encoding = |key: String| if encodes { encoded(&key) } else { key };
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(in_encoding(prefix)),
        delimiter: input.delimiter.map(in_encoding),
        max_keys: Some(max_keys),
        key_count: i32::try_from(page.len()).ok(),
        is_truncated: Some(page.next.is_some()),
        continuation_token: input.continuation_token,
        next_continuation_token: page.next,
        start_after: input.start_after.map(in_encoding),
        encoding_type: input.encoding_type,
        contents: Some(page.objects.into_iter().map(|object| listed(object, in_encoding)).collect()),
        common_prefixes: Some(
            page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(in_encoding(prefix)) }).collect(),
        ),
        ..ListObjectsV2Output::default()
    }))
}

/// The older listing, which boto3 and many tools still use.
pub(super) async fn list(
    s3: &Buckets,
    request: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    let input = request.input;
    s3.registry.get(&input.bucket)?;
    let max_keys = input.max_keys.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS);
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let from = match (&input.marker, &delimiter) {
        // A marker that is a common prefix includes everything under it.
        (Some(marker), Some(delimiter)) if marker.ends_with(delimiter) => format!("{marker}{AFTER_PREFIX}"),
        (Some(marker), _) if !marker.is_empty() => format!("{marker}\0"),
        _ => String::new(),
    };
    let limit = usize::try_from(max_keys).unwrap_or_default();
    let page = s3
        .store
        .run(|connection| find(connection, &input.bucket, &prefix, delimiter.as_deref(), from, limit))
        .await
        .map_err(internal)?;
    let encodes = input.encoding_type.as_ref().map(EncodingType::as_str) == Some(EncodingType::URL);
    let in_encoding = |key: String| if encodes { encoded(&key) } else { key };
    let last_key = page.objects.last().map(|object| object.key.clone());
    let last = last_key.max(page.prefixes.last().cloned());
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(in_encoding(prefix)),
        delimiter: input.delimiter.map(in_encoding),
        marker: Some(in_encoding(input.marker.unwrap_or_default())),
        max_keys: Some(max_keys),
        is_truncated: Some(page.next.is_some()),
        next_marker: page.next.and(last).map(in_encoding),
        encoding_type: input.encoding_type,
        contents: Some(page.objects.into_iter().map(|object| listed(object, in_encoding)).collect()),
        common_prefixes: Some(
            page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(in_encoding(prefix)) }).collect(),
        ),
        ..ListObjectsOutput::default()
    }))
}

fn listed(object: Object, in_encoding: impl Fn(String) -> String) -> Listed {
    Listed {
        key: Some(in_encoding(object.key)),
        e_tag: Some(ETag::Strong(object.etag)),
        size: Some(object.size),
        last_modified: Some(timestamp(object.modified)),
        storage_class: Some(ObjectStorageClass::from(object.storage_class)),
        ..Listed::default()
    }
}

/// Reads the keys in order. Of keys with a common prefix up to the delimiter, it skips all but the
/// first.
fn find(
    connection: &Connection,
    bucket: &str,
    prefix: &str,
    delimiter: Option<&str>,
    from: String,
    limit: usize,
) -> Result<Page, StoreError> {
    let mut page = Page::default();
    let mut from = if from.as_str() > prefix { from } else { prefix.to_owned() };
    if limit == 0 {
        return Ok(page);
    }
    loop {
        let count = limit - page.len() + 1;
        let found = objects::page(connection, bucket, &from, count)?;
        let exhausted = found.len() < count;
        let mut jumped = false;
        for object in found {
            let Some(rest) = object.key.strip_prefix(prefix) else { return Ok(page) };
            if page.len() == limit {
                page.next = Some(object.key);
                return Ok(page);
            }
            let shared =
                delimiter.and_then(|delimiter| rest.find(delimiter).map(|at| prefix.len() + at + delimiter.len()));
            if let Some(end) = shared {
                let common = object.key[..end].to_owned();
                from = format!("{common}{AFTER_PREFIX}");
                page.prefixes.push(common);
                jumped = true;
                break;
            }
            from = format!("{}\0", object.key);
            page.objects.push(object);
        }
        if exhausted && !jumped {
            return Ok(page);
        }
    }
}

/// Keys encoded for `encoding-type=url`, because XML cannot represent every character.
fn encoded(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b'*' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

pub(super) async fn delete(
    s3: &Buckets,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let DeleteObjectsInput { bucket, delete, .. } = request.input;
    s3.registry.get(&bucket)?;
    if delete.objects.is_empty() || delete.objects.len() > usize::try_from(MAX_KEYS).unwrap_or_default() {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    s3.store
        .write(|transaction| -> Result<(), StoreError> {
            for object in &delete.objects {
                objects::delete(transaction, &bucket, &object.key)?;
            }
            Ok(())
        })
        .await
        .map_err(internal)?;
    let deleted = if delete.quiet == Some(true) {
        None
    } else {
        Some(
            delete
                .objects
                .into_iter()
                .map(|object| DeletedObject { key: Some(object.key), ..DeletedObject::default() })
                .collect(),
        )
    };
    Ok(S3Response::new(DeleteObjectsOutput { deleted, ..DeleteObjectsOutput::default() }))
}
