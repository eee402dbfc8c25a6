//! Presigned GET URLs.
//!
//! Signed with `aws-sigv4` and not through the S3 client, because the expiry that is stated must be
//! that of the very credentials that signed, and because a signature is then a few microseconds
//! without an allocation of a whole request pipeline.

use std::{borrow::Cow, sync::Arc, time::Duration};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use chrono::{DateTime, Utc};

use crate::{
    credentials::CachedCredentials,
    direct::Endpoint,
    error::{Error, Kind},
};
use offload_domain::lifetime;

const OPERATION: &str = "s3.presign";

/// Signs URLs of one bucket.
#[derive(Clone, Debug)]
pub struct Presigner(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `https://bucket.s3.region.amazonaws.com/` or `http://host/bucket/`.
    base: String,
    region: String,
    credentials: Arc<CachedCredentials>,
}

impl Presigner {
    /// Signs URLs of the bucket at `endpoint`.
    pub(crate) fn new(endpoint: &Endpoint, credentials: Arc<CachedCredentials>) -> Self {
        Self(Arc::new(Inner { base: endpoint.base(), region: endpoint.region.clone(), credentials }))
    }

    /// A URL that reads the object for `ttl` (1 s to 7 days) from `now`, or less if the credentials
    /// end sooner, and the time until which it works. `key` must need no percent-encoding, as none
    /// of ours does.
    ///
    /// # Errors
    /// [`Kind::Denied`] if there are no credentials.
    pub async fn get(&self, key: &str, ttl: Duration, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>), Error> {
        let denied = |e: String| Error::new(Kind::Denied, OPERATION, e);
        let credentials = self.0.credentials.get(now.into()).await.map_err(denied)?;
        let (expires_in, expires_at) = lifetime::presign(now, ttl, credentials.expiry().map(Into::into));
        let url = format!("{}{key}", self.0.base);
        let signed =
            self.sign(&url, credentials, expires_in, now).map_err(|e| Error::new(Kind::Invalid, OPERATION, e))?;
        Ok((signed, expires_at))
    }

    fn sign(
        &self,
        url: &str,
        credentials: Credentials,
        expires_in: Duration,
        now: DateTime<Utc>,
    ) -> Result<String, String> {
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(expires_in);
        // S3 signs the path as it is, once encoded.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.0.region)
            .name("s3")
            .time(now.into())
            .settings(settings)
            .build()
            .map_err(|e| e.to_string())?
            .into();
        let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::UnsignedPayload)
            .map_err(|e| e.to_string())?;
        let (instructions, _) = sign(request, &params).map_err(|e| e.to_string())?.into_parts();
        let (_, query) = instructions.into_parts();
        let mut signed = String::with_capacity(url.len() + 512);
        signed.push_str(url);
        for (i, (name, value)) in query.iter().enumerate() {
            signed.push(if i == 0 { '?' } else { '&' });
            signed.push_str(name);
            signed.push('=');
            signed.push_str(&encoded(value));
        }
        Ok(signed)
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters, as SigV4 wants it.
fn encoded(value: &str) -> Cow<'_, str> {
    use std::fmt::Write as _;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    if value.bytes().all(plain) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len() + 32);
    for b in value.bytes() {
        if plain(b) {
            out.push(char::from(b));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{b:02X}");
        }
    }
    Cow::Owned(out)
}
