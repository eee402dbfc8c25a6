//! Authorisation, which `s3s` asks for once it has verified the signature.

use std::sync::Arc;

use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::{CopyObjectInput, CopySource};
use s3s::{S3Request, S3Result, s3_error};

use super::registry::Registry;
use crate::identity::{Caller, Identities};
use crate::permission::Permission;
use crate::policy;
use crate::wire::Peer;

/// The keys, for `s3s` to verify signatures with. Whether a key may be used at all was decided at
/// the gate.
pub(super) struct Keys(pub(super) Arc<Identities>);

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let secret = self.0.secret_of(access_key).ok_or_else(|| s3_error!(InvalidAccessKeyId))?;
        Ok(SecretKey::from(secret))
    }
}

/// The policies.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) registry: Arc<Registry>,
    pub(super) identities: Arc<Identities>,
}

impl Access {
    /// Whether the request's caller may list that bucket. No request asked to list it, so a denial
    /// is not recorded.
    pub(super) fn may_list(&self, extensions: &http::Extensions, bucket: &str) -> bool {
        let permission = Permission::new("s3:ListBucket", &format!("arn:aws:s3:::{bucket}"));
        let allowed = self.allows(extensions, &permission, Some(bucket));
        match extensions.get::<Caller>() {
            Some(caller) if allowed => caller.record(&permission, true),
            _ => {}
        }
        allowed
    }

    /// Decides about a request that needs `permission` on something of that bucket, and records the
    /// decision. The use of a presigned URL is not recorded: its holder sends it, not the user
    /// who signed it.
    fn authorise(
        &self,
        extensions: &http::Extensions,
        permission: &Permission,
        bucket: Option<&str>,
        presigned: bool,
    ) -> bool {
        let allowed = self.allows(extensions, permission, bucket);
        match extensions.get::<Caller>() {
            Some(caller) if !(presigned && allowed) => caller.record(permission, allowed),
            _ => {}
        }
        allowed
    }

    fn allows(&self, extensions: &http::Extensions, permission: &Permission, bucket: Option<&str>) -> bool {
        let bucket = bucket.and_then(|name| self.registry.find(name));
        let (caller, peer) = (extensions.get::<Caller>(), extensions.get::<Peer>().map(|peer| peer.0));
        let of_bucket = bucket.as_ref().and_then(|bucket| bucket.policy.as_ref()).map(|(_, parsed)| parsed);
        policy::allows(policy::Request { caller, permission, peer }, of_bucket)
    }
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = cx.s3_op().name().to_owned();
        // The caller that the gate found counts only if `s3s` has verified the same key. The two
        // parse a request separately; should they ever differ, the request is anonymous.
        let verified = cx.credentials().map(|credentials| credentials.access_key.clone());
        let claimed =
            cx.extensions_mut().get::<Caller>().map(|caller| self.identities.access_key_id(caller).to_owned());
        if verified != claimed {
            cx.extensions_mut().remove::<Caller>();
        }
        let (bucket, resource) = match (cx.s3_path().as_object(), cx.s3_path().as_bucket()) {
            // A batch names its keys in the body: it needs the permission for all of them.
            (_, Some(bucket)) if operation == "DeleteObjects" => {
                (Some(bucket.to_owned()), format!("arn:aws:s3:::{bucket}/*"))
            }
            (Some((bucket, key)), _) => (Some(bucket.to_owned()), format!("arn:aws:s3:::{bucket}/{key}")),
            (None, Some(bucket)) => (Some(bucket.to_owned()), format!("arn:aws:s3:::{bucket}")),
            (None, None) => (None, "*".to_owned()),
        };
        let permission = Permission::new(&action(&operation), &resource);
        let presigned = cx.uri().query().is_some_and(|query| query.contains("X-Amz-Signature="));
        let extensions = cx.extensions_mut();
        // As on AWS, the account can always replace a policy that locks everyone out.
        let mends = matches!(extensions.get::<Caller>(), Some(Caller::Root)) && operation.ends_with("BucketPolicy");
        if mends || self.authorise(extensions, &permission, bucket.as_deref(), presigned) {
            Ok(())
        } else {
            Err(s3_error!(AccessDenied, "Access Denied"))
        }
    }

    /// A copy also reads.
    async fn copy_object(&self, request: &mut S3Request<CopyObjectInput>) -> S3Result<()> {
        let CopySource::Bucket { bucket, key, .. } = &request.input.copy_source else { return Ok(()) };
        let permission = Permission::new("s3:GetObject", &format!("arn:aws:s3:::{bucket}/{key}"));
        if self.authorise(&request.extensions, &permission, Some(bucket), false) {
            Ok(())
        } else {
            Err(s3_error!(AccessDenied, "Access Denied"))
        }
    }
}

/// The IAM action that an operation needs.
fn action(operation: &str) -> String {
    let name = match operation {
        "HeadObject" => "GetObject",
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => "ListBucket",
        "ListBuckets" => "ListAllMyBuckets",
        "DeleteObjects" => "DeleteObject",
        "CopyObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => "PutObject",
        "GetBucketCors" => "GetBucketCORS",
        "PutBucketCors" | "DeleteBucketCors" => "PutBucketCORS",
        "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => "PutLifecycleConfiguration",
        other => other,
    };
    format!("s3:{name}")
}
