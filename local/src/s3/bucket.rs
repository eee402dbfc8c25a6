//! Buckets themselves.

use s3s::dto::{
    Bucket, BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput,
    GetBucketLocationInput, GetBucketLocationOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput,
    ListBucketsOutput, Owner,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::buckets::Buckets;
use super::error::internal;
use super::timestamp::timestamp;
use crate::options::ACCOUNT_ID;
use crate::store::buckets;

pub(super) async fn create(
    s3: &Buckets,
    request: S3Request<CreateBucketInput>,
) -> S3Result<S3Response<CreateBucketOutput>> {
    let name = request.input.bucket;
    let created = s3.clock.now();
    if !s3.store.run(|connection| buckets::insert(connection, &name, created)).await.map_err(internal)? {
        return Err(s3_error!(
            BucketAlreadyOwnedByYou,
            "Your previous request to create the named bucket succeeded and you already own it."
        ));
    }
    s3.registry.insert(&name, created);
    Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{name}")) }))
}

pub(super) async fn head(s3: &Buckets, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
    s3.registry.get(&request.input.bucket)?;
    Ok(S3Response::new(HeadBucketOutput { bucket_region: Some(s3.region.to_string()), ..HeadBucketOutput::default() }))
}

pub(super) async fn delete(
    s3: &Buckets,
    request: S3Request<DeleteBucketInput>,
) -> S3Result<S3Response<DeleteBucketOutput>> {
    let name = request.input.bucket;
    s3.registry.get(&name)?;
    if !s3.store.write(|transaction| buckets::delete(transaction, &name)).await.map_err(internal)? {
        return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"));
    }
    s3.registry.remove(&name);
    Ok(S3Response::new(DeleteBucketOutput {}))
}

pub(super) async fn list(
    s3: &Buckets,
    request: S3Request<ListBucketsInput>,
) -> S3Result<S3Response<ListBucketsOutput>> {
    let prefix = request.input.prefix.unwrap_or_default();
    let buckets = s3
        .registry
        .all()
        .into_iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, bucket)| Bucket {
            name: Some(name),
            creation_date: Some(timestamp(bucket.created)),
            ..Bucket::default()
        })
        .collect();
    let owner = Owner { id: Some(ACCOUNT_ID.to_owned()), ..Owner::default() };
    Ok(S3Response::new(ListBucketsOutput {
        buckets: Some(buckets),
        owner: Some(owner),
        ..ListBucketsOutput::default()
    }))
}

/// A bucket in `us-east-1` has no constraint, for historical reasons.
pub(super) async fn location(
    s3: &Buckets,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    s3.registry.get(&request.input.bucket)?;
    let constraint = (&*s3.region != "us-east-1").then(|| BucketLocationConstraint::from(s3.region.to_string()));
    Ok(S3Response::new(GetBucketLocationOutput { location_constraint: constraint }))
}
