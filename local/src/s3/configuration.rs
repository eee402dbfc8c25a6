//! A bucket's CORS rules, lifecycle and policy: checked, stored, then put in force.

use http::StatusCode;
use s3s::dto::{
    DeleteBucketCorsInput, DeleteBucketCorsOutput, DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput,
    DeleteBucketPolicyInput, DeleteBucketPolicyOutput, GetBucketCorsInput, GetBucketCorsOutput,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput, GetBucketPolicyInput,
    GetBucketPolicyOutput, PutBucketCorsInput, PutBucketCorsOutput, PutBucketLifecycleConfigurationInput,
    PutBucketLifecycleConfigurationOutput, PutBucketPolicyInput, PutBucketPolicyOutput,
    TransitionDefaultMinimumObjectSize,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use serde::Serialize;

use super::buckets::Buckets;
use super::error::{custom, internal};
use super::lifecycle;
use super::registry::{Bucket, Lifecycle};
use crate::store::buckets::{self, Configuration};

const MAX_CORS_RULES: usize = 100;
const CORS_METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];
const MAX_POLICY_BYTES: usize = 20 * 1024;

/// Stored before it takes effect: a configuration that was accepted survives a restart.
async fn configure(
    s3: &Buckets,
    bucket: &str,
    which: Configuration,
    stored: Option<String>,
    change: impl FnOnce(&mut Bucket),
) -> S3Result<()> {
    s3.registry.get(bucket)?;
    s3.store
        .run(|connection| buckets::configure(connection, bucket, which, stored.as_deref()))
        .await
        .map_err(internal)?;
    s3.registry.change(bucket, change);
    Ok(())
}

fn stored<T: Serialize>(value: &T) -> S3Result<Option<String>> {
    serde_json::to_string(value).map(Some).map_err(|_| s3_error!(MalformedXML))
}

pub(super) async fn put_cors(
    s3: &Buckets,
    request: S3Request<PutBucketCorsInput>,
) -> S3Result<S3Response<PutBucketCorsOutput>> {
    let rules = request.input.cors_configuration.cors_rules;
    if rules.is_empty() || rules.len() > MAX_CORS_RULES {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    if rules.iter().flat_map(|rule| &rule.allowed_methods).any(|method| !CORS_METHODS.contains(&method.as_str())) {
        return Err(s3_error!(InvalidRequest, "Found unsupported HTTP method in CORS config."));
    }
    let values = rules.iter().flat_map(|rule| rule.allowed_origins.iter().chain(rule.allowed_headers.iter().flatten()));
    if values.into_iter().any(|value| value.matches('*').count() > 1) {
        return Err(s3_error!(InvalidRequest, "AllowedOrigin or AllowedHeader can not have more than one wildcard."));
    }
    let text = stored(&rules)?;
    configure(s3, &request.input.bucket, Configuration::Cors, text, |bucket| bucket.cors = Some(rules)).await?;
    Ok(S3Response::new(PutBucketCorsOutput::default()))
}

pub(super) async fn get_cors(
    s3: &Buckets,
    request: S3Request<GetBucketCorsInput>,
) -> S3Result<S3Response<GetBucketCorsOutput>> {
    let bucket = s3.registry.get(&request.input.bucket)?;
    let rules = bucket
        .cors
        .clone()
        .ok_or_else(|| s3_error!(NoSuchCORSConfiguration, "The CORS configuration does not exist"))?;
    Ok(S3Response::new(GetBucketCorsOutput { cors_rules: Some(rules) }))
}

pub(super) async fn delete_cors(
    s3: &Buckets,
    request: S3Request<DeleteBucketCorsInput>,
) -> S3Result<S3Response<DeleteBucketCorsOutput>> {
    configure(s3, &request.input.bucket, Configuration::Cors, None, |bucket| bucket.cors = None).await?;
    Ok(S3Response::new(DeleteBucketCorsOutput::default()))
}

pub(super) async fn put_lifecycle(
    s3: &Buckets,
    request: S3Request<PutBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<PutBucketLifecycleConfigurationOutput>> {
    let input = request.input;
    let mut rules = input
        .lifecycle_configuration
        .ok_or_else(|| {
            s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema"
            )
        })?
        .rules;
    lifecycle::check(&mut rules)?;
    let minimum = input.transition_default_minimum_object_size;
    let minimum_varies = minimum
        .as_ref()
        .is_some_and(|minimum| minimum.as_str() == TransitionDefaultMinimumObjectSize::VARIES_BY_STORAGE_CLASS);
    let lifecycle = Lifecycle { rules, minimum_varies };
    let text = stored(&lifecycle)?;
    configure(s3, &input.bucket, Configuration::Lifecycle, text, |bucket| bucket.lifecycle = Some(lifecycle)).await?;
    Ok(S3Response::new(PutBucketLifecycleConfigurationOutput {
        transition_default_minimum_object_size: Some(minimum_size(minimum_varies)),
    }))
}

pub(super) async fn get_lifecycle(
    s3: &Buckets,
    request: S3Request<GetBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
    let bucket = s3.registry.get(&request.input.bucket)?;
    let lifecycle = bucket
        .lifecycle
        .clone()
        .ok_or_else(|| s3_error!(NoSuchLifecycleConfiguration, "The lifecycle configuration does not exist"))?;
    Ok(S3Response::new(GetBucketLifecycleConfigurationOutput {
        rules: Some(lifecycle.rules),
        transition_default_minimum_object_size: Some(minimum_size(lifecycle.minimum_varies)),
    }))
}

fn minimum_size(minimum_varies: bool) -> TransitionDefaultMinimumObjectSize {
    TransitionDefaultMinimumObjectSize::from_static(if minimum_varies {
        TransitionDefaultMinimumObjectSize::VARIES_BY_STORAGE_CLASS
    } else {
        TransitionDefaultMinimumObjectSize::ALL_STORAGE_CLASSES_128K
    })
}

pub(super) async fn delete_lifecycle(
    s3: &Buckets,
    request: S3Request<DeleteBucketLifecycleInput>,
) -> S3Result<S3Response<DeleteBucketLifecycleOutput>> {
    configure(s3, &request.input.bucket, Configuration::Lifecycle, None, |bucket| bucket.lifecycle = None).await?;
    Ok(S3Response::new(DeleteBucketLifecycleOutput::default()))
}

pub(super) async fn put_policy(
    s3: &Buckets,
    request: S3Request<PutBucketPolicyInput>,
) -> S3Result<S3Response<PutBucketPolicyOutput>> {
    let PutBucketPolicyInput { bucket, policy, .. } = request.input;
    if policy.len() > MAX_POLICY_BYTES {
        return Err(custom(
            StatusCode::BAD_REQUEST,
            "PolicyTooLarge",
            "The policy exceeds the maximum allowed document size.",
        ));
    }
    let parsed = awsim_iam_policy::parse(&policy)
        .map_err(|_| s3_error!(MalformedPolicy, "This policy contains invalid Json or an invalid statement"))?;
    let text = policy.clone();
    configure(s3, &bucket, Configuration::Policy, Some(text), |bucket| bucket.policy = Some((policy, parsed))).await?;
    Ok(S3Response::new(PutBucketPolicyOutput::default()))
}

pub(super) async fn get_policy(
    s3: &Buckets,
    request: S3Request<GetBucketPolicyInput>,
) -> S3Result<S3Response<GetBucketPolicyOutput>> {
    let bucket = s3.registry.get(&request.input.bucket)?;
    let (text, _) =
        bucket.policy.clone().ok_or_else(|| s3_error!(NoSuchBucketPolicy, "The bucket policy does not exist"))?;
    Ok(S3Response::new(GetBucketPolicyOutput { policy: Some(text) }))
}

pub(super) async fn delete_policy(
    s3: &Buckets,
    request: S3Request<DeleteBucketPolicyInput>,
) -> S3Result<S3Response<DeleteBucketPolicyOutput>> {
    configure(s3, &request.input.bucket, Configuration::Policy, None, |bucket| bucket.policy = None).await?;
    Ok(S3Response::new(DeleteBucketPolicyOutput::default()))
}
