//! Signatures of requests to AWS that are sent without an SDK of their own: four small calls of the
//! notifier, for which four more SDKs would make the function half as large again.

use std::{sync::Arc, time::SystemTime};

use aws_config::SdkConfig;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};

use crate::{
    credentials::CachedCredentials,
    error::{Error, Kind},
};
use offload_service::clock;

const OPERATION: &str = "sigv4.sign";

/// Signs requests with the service's own credentials.
#[derive(Clone, Debug)]
pub struct RequestSigner(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    credentials: Arc<CachedCredentials>,
    region: String,
}

impl RequestSigner {
    pub(crate) fn new(sdk: &SdkConfig, credentials: Arc<CachedCredentials>) -> Self {
        let region = sdk.region().map(ToString::to_string).unwrap_or_default();
        Self(Arc::new(Inner { credentials, region }))
    }

    /// The region that requests are signed for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.0.region
    }

    /// The same for another region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self(Arc::new(Inner { credentials: Arc::clone(&self.0.credentials), region: region.to_owned() }))
    }

    /// The endpoint of a service: `AWS_ENDPOINT_URL_{name}`, or AWS's own.
    #[must_use]
    pub fn endpoint(&self, name: &str, host: &str) -> String {
        let own = || {
            let suffix = if self.0.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://{host}.{}.{suffix}", self.0.region)
        };
        let set = [format!("AWS_ENDPOINT_URL_{name}"), "AWS_ENDPOINT_URL".to_owned()];
        set.iter().find_map(|v| std::env::var(v).ok()).unwrap_or_else(own)
    }

    /// The headers that authenticate a request, beside those given.
    ///
    /// # Errors
    /// [`Kind::Denied`] if there are no credentials.
    pub async fn sign(
        &self,
        service: &str,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<(String, String)>, Error> {
        let now: SystemTime = clock::now().into();
        let credentials = self.0.credentials.get(now).await.map_err(|e| Error::new(Kind::Denied, OPERATION, e))?;
        let identity = credentials.into();
        let invalid = |e: String| Error::new(Kind::Invalid, OPERATION, e);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.0.region)
            .name(service)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| invalid(e.to_string()))?
            .into();
        let request = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body))
            .map_err(|e| invalid(e.to_string()))?;
        let (instructions, _) = sign(request, &params).map_err(|e| invalid(e.to_string()))?.into_parts();
        let (signed, _) = instructions.into_parts();
        Ok(signed.iter().map(|h| (h.name().to_owned(), h.value().to_owned())).collect())
    }
}
