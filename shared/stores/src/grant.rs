//! Temporary credentials for one status object, for clients that read S3 with an SDK of their own.

use std::{fmt, sync::Arc, time::Duration};

use aws_config::{SdkConfig, sts::AssumeRoleProvider};
use chrono::{DateTime, Utc};
use serde_json::json;

use crate::{
    credentials::provide,
    error::{Error, Kind},
};

const OPERATION: &str = "sts.AssumeRole";
/// STS makes no shorter session, and no longer one for a role that is assumed by another.
const SESSION: std::ops::RangeInclusive<Duration> = Duration::from_secs(900)..=Duration::from_secs(3_600);

/// Assumes the signer's role once for each grant, with a session policy that leaves one object of
/// what it may.
#[derive(Clone, Debug)]
pub struct Granter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sdk: SdkConfig,
    role: String,
    bucket: String,
    region: String,
    /// The S3 endpoint that clients reach, if it is not AWS's own.
    endpoint: Option<String>,
}

/// Credentials that can read one object.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// The bucket.
    pub bucket: String,
    /// The key of the one object.
    pub key: String,
    /// The bucket's region.
    pub region: String,
    /// The S3 endpoint, if it is not AWS's own.
    pub endpoint: Option<String>,
    /// Names the credentials.
    pub access_key_id: String,
    /// Signs with them.
    pub secret_access_key: String,
    /// Goes with every request.
    pub session_token: String,
    /// Until when they work.
    pub expires_at: DateTime<Utc>,
}

impl Granter {
    pub(crate) fn new(sdk: SdkConfig, role: &str, bucket: &str, endpoint: Option<String>) -> Result<Self, String> {
        let region = sdk.region().ok_or("no AWS region is configured: set AWS_REGION")?.to_string();
        let inner = Inner { sdk, role: role.to_owned(), bucket: bucket.to_owned(), region, endpoint };
        Ok(Self(Arc::new(inner)))
    }

    /// Credentials that read the object at `key` for about `ttl`, as far as STS allows: 15 minutes
    /// to an hour.
    ///
    /// # Errors
    /// If the role cannot be assumed.
    pub async fn grant(&self, key: &str, ttl: Duration) -> Result<Grant, Error> {
        let Inner { sdk, role, bucket, region, endpoint } = &*self.0;
        let provider = AssumeRoleProvider::builder(role)
            .session_name("status-offload-client")
            .policy(policy(partition(role), bucket, key))
            .session_length(ttl.clamp(*SESSION.start(), *SESSION.end()))
            .configure(sdk);
        let provider = Box::pin(provider.build()).await;
        let failed = |cause: String| Error::new(Kind::Unavailable, OPERATION, cause);
        let credentials = provide(&provider).await.map_err(|e| failed(e.to_string()))?;
        let expiry = credentials.expiry().ok_or_else(|| failed("a session without an end".to_owned()))?;
        Ok(Grant {
            bucket: bucket.clone(),
            key: key.to_owned(),
            region: region.clone(),
            endpoint: endpoint.clone(),
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: credentials.secret_access_key().to_owned(),
            session_token: credentials.session_token().unwrap_or_default().to_owned(),
            expires_at: expiry.into(),
        })
    }
}

/// What a session may: no more than its role, and of that one object.
fn policy(partition: &str, bucket: &str, key: &str) -> String {
    let statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:{partition}:s3:::{bucket}/{key}")});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// `aws`, `aws-cn` or `aws-us-gov`, as in the role's ARN.
fn partition(role: &str) -> &str {
    role.split(':').nth(1).filter(|p| !p.is_empty()).unwrap_or("aws")
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("key", &self.key).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_may_read_one_object_in_its_own_partition() {
        let policy = policy(partition("arn:aws-cn:iam::123456789012:role/signer"), "b", "status/ab/x.json");
        let resource = "arn:aws-cn:s3:::b/status/ab/x.json";
        let statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource});
        let expected = json!({"Version": "2012-10-17", "Statement": [statement]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&policy).unwrap(), expected);
    }
}
