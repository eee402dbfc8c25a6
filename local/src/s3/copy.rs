//! Copying an object on the server.

use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, ETag, MetadataDirective, TaggingDirective,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::buckets::Buckets;
use super::condition::meets;
use super::error::{WriteError, no_such_key, precondition_failed};
use super::object::{class_name, store};
use super::tagging;
use super::timestamp::timestamp;
use crate::store::objects::{self, Head, NewObject};

pub(super) async fn copy(s3: &Buckets, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
    let input = request.input;
    let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
        return Err(s3_error!(NotImplemented, "Only a bucket and key can be copied from"));
    };
    s3.registry.get(bucket)?;
    s3.registry.get(&input.bucket)?;
    let (from_bucket, from_key) = (bucket.clone(), key.clone());
    let (source, body) = s3
        .store
        .write_large(move |transaction| -> Result<_, WriteError> {
            let object = objects::find(transaction, &from_bucket, &from_key)?.ok_or_else(no_such_key)?;
            let body =
                if object.size == 0 { Vec::new() } else { objects::body(transaction, object.id, 0, object.size)? };
            Ok((object, body))
        })
        .await
        .map_err(WriteError::into_s3)?;
    let unmet = input.copy_source_if_match.as_ref().is_some_and(|condition| !meets(condition, &source.etag))
        || input.copy_source_if_none_match.as_ref().is_some_and(|condition| meets(condition, &source.etag));
    if unmet {
        return Err(precondition_failed());
    }
    let replaces = input.metadata_directive.as_ref().map(MetadataDirective::as_str) == Some(MetadataDirective::REPLACE);
    let retags = input.tagging_directive.as_ref().map(TaggingDirective::as_str) == Some(TaggingDirective::REPLACE);
    let head = if replaces {
        Head {
            content_type: input.content_type,
            cache_control: input.cache_control,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            content_language: input.content_language,
            expires: input.expires,
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            checksums: source.head.checksums,
            parts: None,
        }
    } else {
        source.head
    };
    let object = NewObject {
        bucket: input.bucket,
        key: input.key,
        etag: source.etag.clone(),
        modified: s3.clock.now(),
        storage_class: class_name(input.storage_class),
        head,
        tags: if retags {
            input.tagging.as_deref().map(tagging::parse).transpose()?.unwrap_or_default()
        } else {
            source.tags
        },
        body: body.into(),
    };
    let modified = object.modified;
    store(s3, object, None, None).await?;
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(ETag::Strong(source.etag)),
            last_modified: Some(timestamp(modified)),
            ..CopyObjectResult::default()
        }),
        ..CopyObjectOutput::default()
    }))
}
