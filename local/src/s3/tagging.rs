//! An object's tags.

use http::StatusCode;
use s3s::dto::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput, GetObjectTaggingOutput,
    PutObjectTaggingInput, PutObjectTaggingOutput, Tag,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::buckets::Buckets;
use super::error::{custom, internal, no_such_key};
use crate::store::objects::{self, Tags};

const MAX_TAGS: usize = 10;
const MAX_KEY_CHARS: usize = 128;
const MAX_VALUE_CHARS: usize = 256;

/// Tags as the `x-amz-tagging` header carries them.
pub(super) fn parse(header: &str) -> S3Result<Tags> {
    let tags = serde_urlencoded::from_str(header).map_err(|_| {
        s3_error!(InvalidArgument, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
    })?;
    check(tags)
}

fn check(tags: Tags) -> S3Result<Tags> {
    if tags.len() > MAX_TAGS {
        return Err(custom(StatusCode::BAD_REQUEST, "BadRequest", "Object tags cannot be greater than 10"));
    }
    let repeated = tags.iter().enumerate().any(|(at, (key, _))| tags[..at].iter().any(|(earlier, _)| earlier == key));
    if repeated {
        return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key"));
    }
    let fits = |(key, value): &(String, String)| {
        (1..=MAX_KEY_CHARS).contains(&key.chars().count()) && value.chars().count() <= MAX_VALUE_CHARS
    };
    if tags.iter().all(fits) {
        Ok(tags)
    } else {
        Err(s3_error!(InvalidTag, "The TagKey or TagValue you have provided is invalid"))
    }
}

pub(super) async fn put(
    s3: &Buckets,
    request: S3Request<PutObjectTaggingInput>,
) -> S3Result<S3Response<PutObjectTaggingOutput>> {
    let input = request.input;
    let tags = input
        .tagging
        .tag_set
        .into_iter()
        .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()))
        .collect();
    replace(s3, &input.bucket, &input.key, &check(tags)?).await?;
    Ok(S3Response::new(PutObjectTaggingOutput::default()))
}

pub(super) async fn get(
    s3: &Buckets,
    request: S3Request<GetObjectTaggingInput>,
) -> S3Result<S3Response<GetObjectTaggingOutput>> {
    let GetObjectTaggingInput { bucket, key, .. } = request.input;
    s3.registry.get(&bucket)?;
    let object = s3
        .store
        .run(|connection| objects::find(connection, &bucket, &key))
        .await
        .map_err(internal)?
        .ok_or_else(no_such_key)?;
    let tag_set = object.tags.into_iter().map(|(key, value)| Tag { key: Some(key), value: Some(value) }).collect();
    Ok(S3Response::new(GetObjectTaggingOutput { tag_set, ..GetObjectTaggingOutput::default() }))
}

pub(super) async fn delete(
    s3: &Buckets,
    request: S3Request<DeleteObjectTaggingInput>,
) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
    replace(s3, &request.input.bucket, &request.input.key, &Tags::new()).await?;
    Ok(S3Response::new(DeleteObjectTaggingOutput::default()))
}

async fn replace(s3: &Buckets, bucket: &str, key: &str, tags: &Tags) -> S3Result<()> {
    s3.registry.get(bucket)?;
    let found = s3.store.run(|connection| objects::set_tags(connection, bucket, key, tags)).await.map_err(internal)?;
    if found { Ok(()) } else { Err(no_such_key()) }
}
