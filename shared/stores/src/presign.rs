//! Presigned GET URLs.
//!
//! Signed here and not through the S3 client, because the expiry that is stated must be that of the
//! very credentials that signed, and because a signature is then one HMAC: what stays the
//! same for a day is made once.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::{fmt, fmt::Write as _, sync::Arc, time::Duration};

use aws_credential_types::Credentials;
use chrono::{DateTime, Utc};
use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use crate::{
    credentials::CachedCredentials,
    direct::{DailyMac, Endpoint, Scope, amz_date, signature},
    error::{Error, Kind},
};
use offload_domain::lifetime;

const OPERATION: &str = "s3.presign";

/// So long a renewal of the credentials is waited for that nothing is signed with yet.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Signs URLs of one bucket.
#[derive(Clone, Debug)]
pub struct Presigner(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    host: String,
    scope: Scope,
    credentials: Arc<CachedCredentials>,
    today: RwLock<Option<Arc<Today>>>,
}

/// What the URLs of a day and of some credentials have in common.
struct Today {
    day: String,
    credentials: Credentials,
    key: DailyMac,
    scope: String,
    /// The query up to the time.
    before: String,
    /// The query after the expiry.
    after: String,
}

impl fmt::Debug for Today {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Today").field("day", &self.day).finish_non_exhaustive()
    }
}

impl Presigner {
    /// When the credentials end that URLs are signed with, if that is known: the URLs end with
    /// them.
    #[must_use]
    pub fn credentials_end(&self) -> Option<DateTime<Utc>> {
        self.0.credentials.end().map(Into::into)
    }

    /// The same, of credentials that are renewed first if that is due.
    ///
    /// # Errors
    /// [`Kind::Denied`] if there are no credentials.
    pub async fn renewed_credentials_end(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
        let credentials =
            self.0.credentials.get(now.into()).await.map_err(|e| Error::new(Kind::Denied, OPERATION, e))?;
        Ok(credentials.expiry().map(Into::into))
    }

    /// Renews the credentials if that is due, and waits for it for two seconds at most: where
    /// nothing is signed nobody else does, and a monitor would see them end.
    pub async fn renew_credentials(&self, now: DateTime<Utc>) {
        // The next URL to be signed meets the error.
        let _ = timeout(RENEWAL_TIMEOUT, self.renewed_credentials_end(now)).await;
    }

    /// Signs URLs of the bucket at `endpoint`.
    pub(crate) fn new(endpoint: Endpoint, credentials: Arc<CachedCredentials>) -> Self {
        let scope = Scope { service: "s3", region: endpoint.region.clone() };
        let host = endpoint.host.to_str().unwrap_or_default().to_owned();
        Self(Arc::new(Inner { endpoint, host, scope, credentials, today: RwLock::default() }))
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
        Ok((self.0.sign(key, credentials, expires_in, now), expires_at))
    }
}

impl Inner {
    fn sign(&self, key: &str, credentials: Credentials, expires_in: Duration, now: DateTime<Utc>) -> String {
        let (time, path) = (amz_date(now), self.endpoint.path());
        let today = self.today(&time[..8], credentials, now);
        let Today { before, after, .. } = &*today;
        let (origin, seconds) = (self.endpoint.origin(), expires_in.as_secs().to_string());
        let mut url = String::with_capacity(256 + origin.len() + path.len() + key.len() + before.len() + after.len());
        for part in [origin, path, key, "?", before, &time, "&X-Amz-Expires=", &seconds, after] {
            url.push_str(part);
        }
        // The canonical request has the same path and query, and is hashed where they are.
        let query = &url[origin.len() + path.len() + key.len() + 1..];
        let mut canonical = Sha256::new_with_prefix("GET\n");
        for part in [path, key, "\n", query, "\nhost:", &self.host, "\n\nhost\nUNSIGNED-PAYLOAD"] {
            canonical.update(part);
        }
        let signature = signature(&today.key, &time, &today.scope, canonical);
        url.push_str("&X-Amz-Signature=");
        url.push_str(&signature);
        url
    }

    fn today(&self, day: &str, credentials: Credentials, now: DateTime<Utc>) -> Arc<Today> {
        let same = |today: &&Arc<Today>| today.day == day && keys(&today.credentials) == keys(&credentials);
        if let Some(today) = self.today.read().as_ref().filter(same) {
            return Arc::clone(today);
        }
        let scope = self.scope.of(day);
        let credential = encoded(&format!("{}/{scope}", credentials.access_key_id()));
        let token = credentials.session_token().map(|token| format!("&X-Amz-Security-Token={}", encoded(token)));
        let today = Arc::new(Today {
            day: day.to_owned(),
            key: self.scope.key(credentials.secret_access_key(), now),
            scope,
            before: format!("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date="),
            after: format!("{}&X-Amz-SignedHeaders=host", token.unwrap_or_default()),
            credentials,
        });
        *self.today.write() = Some(Arc::clone(&today));
        today
    }
}

fn keys(credentials: &Credentials) -> (&str, &str, Option<&str>) {
    (credentials.access_key_id(), credentials.secret_access_key(), credentials.session_token())
}

/// Percent-encodes all but RFC 3986's unreserved characters, as SigV4 wants it.
pub(crate) fn encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 32);
    for b in value.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(b));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_sigv4::{
        http_request::{
            PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
            UriPathNormalizationMode, sign,
        },
        sign::v4,
    };
    use chrono::TimeDelta;

    use super::*;

    const TTL: Duration = Duration::from_secs(3_600);
    const KEY: &str = "status/ab/01890a5d-ac96-774b-bcce-b302099a8057.json";

    /// The query of the URL that `aws-sigv4` makes.
    fn expected(url: &str, credentials: &Credentials, now: DateTime<Utc>) -> String {
        let identity = credentials.clone().into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(TTL);
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let params = v4::SigningParams::builder().identity(&identity).region("eu-west-1").name("s3");
        let params = params.time(now.into()).settings(settings).build().unwrap().into();
        let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::UnsignedPayload).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let (_, query) = instructions.into_parts();
        let mut query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        query.sort();
        query.join("&")
    }

    #[tokio::test]
    async fn a_url_is_the_one_that_aws_sigv4_makes() {
        let now = DateTime::from_timestamp(1_440_938_160, 0).unwrap();
        let token = "IQoJb3JpZ2luX2VjE//+=".repeat(40);
        for (secret, token) in [("secret", None), ("secret", Some(token.clone())), ("other", Some(token))] {
            for url in ["https://b.s3.eu-west-1.amazonaws.com/", "http://127.0.0.1:9000/bucket/"] {
                let credentials = Credentials::new("AKIDEXAMPLE", secret, token.clone(), None, "test");
                let provider = SharedCredentialsProvider::new(credentials.clone());
                let endpoint = Endpoint::of(url, "eu-west-1".to_owned()).unwrap();
                let presigner = Presigner::new(endpoint, Arc::new(CachedCredentials::new(provider)));
                // The second is made with what the first left, the third on another day.
                for now in [now, now + TimeDelta::seconds(61), now + TimeDelta::days(1)] {
                    let (signed, until) = presigner.get(KEY, TTL, now).await.unwrap();
                    let (path, query) = signed.split_once('?').unwrap();
                    assert_eq!(path, format!("{url}{KEY}"));
                    let mut query: Vec<_> = query.split('&').collect();
                    query.sort_unstable();
                    assert_eq!(query.join("&"), expected(path, &credentials, now));
                    assert_eq!(until, now + TTL);
                }
            }
        }
    }
}
