//! Signature Version 4 in the header of a request.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! The key of a day is derived once, and the headers that are signed are few and known, so that a
//! signature is two hashes and one HMAC.

use std::{fmt::Write as _, sync::Arc};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4;
use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use offload_service::clock;
use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};

use crate::{
    credentials::CachedCredentials,
    error::{Error, Kind},
};

const OPERATION: &str = "sigv4.sign";
const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// In place of the hash of a body that is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Signs the requests to one service in one region.
#[derive(Debug)]
pub(super) struct Signer {
    scope: Scope,
    credentials: Arc<CachedCredentials>,
    day: RwLock<Option<DayKey>>,
}

/// Signs with the key of a day. Cloned for each signature, it has hashed the key already.
pub(crate) type DailyMac = Hmac<Sha256>;

/// The key of a day and of a secret.
struct DayKey {
    day: String,
    secret: String,
    key: Arc<DailyMac>,
}

impl std::fmt::Debug for DayKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DayKey").field("day", &self.day).finish_non_exhaustive()
    }
}

/// For what a key of a day is good.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) service: &'static str,
    pub(crate) region: String,
}

impl Scope {
    /// As it is written into a signature.
    pub(crate) fn of(&self, day: &str) -> String {
        format!("{day}/{}/{}/aws4_request", self.region, self.service)
    }

    /// The key of the day of `now`: four HMACs.
    pub(crate) fn key(&self, secret: &str, now: DateTime<Utc>) -> DailyMac {
        let key = v4::generate_signing_key(secret, now.into(), &self.region, self.service);
        DailyMac::new_from_slice(key.as_ref()).expect("HMAC takes keys of any length")
    }
}

/// The time as a signature has it, such as `20150830T123600Z`; the day is its first eight digits.
pub(crate) fn amz_date(now: DateTime<Utc>) -> String {
    let (year, month, day) = (now.year(), now.month(), now.day());
    let (hour, minute, second) = (now.hour(), now.minute(), now.second());
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The signature of a canonical request, in hexadecimal.
pub(crate) fn signature(key: &DailyMac, time: &str, scope: &str, canonical: Sha256) -> String {
    let mut mac = key.clone();
    for part in ["AWS4-HMAC-SHA256\n", time, "\n", scope, "\n", &hex::encode(canonical.finalize())] {
        mac.update(part.as_bytes());
    }
    hex::encode(mac.finalize().into_bytes())
}

/// What of a request is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedHeaders<'a> {
    pub(super) method: &'a Method,
    /// As it is sent.
    pub(super) path: &'a str,
    pub(super) host: &'a HeaderValue,
    /// `x-amz-target`, if there is one.
    pub(super) target: Option<&'a HeaderValue>,
    /// `None` if it is not.
    pub(super) body: Option<&'a [u8]>,
}

impl Signer {
    pub(super) fn new(service: &'static str, region: String, credentials: Arc<CachedCredentials>) -> Self {
        Self { scope: Scope { service, region }, credentials, day: RwLock::default() }
    }

    /// Adds the headers that authenticate a request.
    ///
    /// # Errors
    /// [`Kind::Denied`] if there are no credentials.
    pub(super) async fn sign(&self, signed: &SignedHeaders<'_>, headers: &mut HeaderMap) -> Result<(), Error> {
        let now = clock::now();
        let credentials = self.credentials.get(now.into());
        let credentials = credentials.await.map_err(|e| Error::new(Kind::Denied, OPERATION, e))?;
        self.authorize(signed, &credentials, now, headers)
            .map_err(|e| Error::new(Kind::Invalid, OPERATION, e.to_string()))
    }

    fn authorize(
        &self,
        signed: &SignedHeaders<'_>,
        credentials: &Credentials,
        now: DateTime<Utc>,
        headers: &mut HeaderMap,
    ) -> Result<(), Unsignable> {
        let time = amz_date(now);
        let day = &time[..8];
        let body = signed.body.map_or_else(|| UNSIGNED.to_owned(), |body| hex::encode(Sha256::digest(body)));
        let (host, token) = (signed.host.to_str()?, credentials.session_token());
        let target = signed.target.map(HeaderValue::to_str).transpose()?;
        // In the order of their names. S3 alone wants the hash of the body as a header.
        let with_hash = self.scope.service == "s3";
        let fields = [
            ("host", Some(host)),
            ("x-amz-content-sha256", with_hash.then_some(body.as_str())),
            ("x-amz-date", Some(&time)),
            ("x-amz-security-token", token),
            ("x-amz-target", target),
        ];
        let fields = || fields.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        let mut names = String::with_capacity(96);
        for (name, _) in fields() {
            names.push_str(if names.is_empty() { "" } else { ";" });
            names.push_str(name);
        }
        let mut canonical = String::with_capacity(512 + token.map_or(0, str::len));
        // Writing to a String cannot fail.
        let _ = write!(canonical, "{}\n{}\n\n", signed.method, signed.path);
        for (name, value) in fields() {
            let _ = writeln!(canonical, "{name}:{value}");
        }
        let _ = write!(canonical, "\n{names}\n{body}");
        let scope = self.scope.of(day);
        let signature = signature(&self.key(day, credentials, now), &time, &scope, Sha256::new_with_prefix(canonical));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            credentials.access_key_id()
        );
        let secret = |text: &str| {
            let mut value = HeaderValue::from_str(text)?;
            value.set_sensitive(true);
            Ok::<_, Unsignable>(value)
        };
        if let Some(token) = token {
            headers.insert(X_AMZ_SECURITY_TOKEN, secret(token)?);
        }
        if with_hash {
            headers.insert(X_AMZ_CONTENT_SHA256, HeaderValue::from_str(&body)?);
        }
        headers.insert(X_AMZ_DATE, HeaderValue::from_str(&time)?);
        headers.insert(header::AUTHORIZATION, secret(&authorization)?);
        Ok(())
    }

    /// The key of a day.
    fn key(&self, day: &str, credentials: &Credentials, now: DateTime<Utc>) -> Arc<DailyMac> {
        let secret = credentials.secret_access_key();
        if let Some(known) = self.day.read().as_ref().filter(|known| known.day == day && known.secret == secret) {
            return Arc::clone(&known.key);
        }
        let key = Arc::new(self.scope.key(secret, now));
        *self.day.write() = Some(DayKey { day: day.to_owned(), secret: secret.to_owned(), key: Arc::clone(&key) });
        key
    }
}

/// What cannot be in a header: credentials with characters that none have.
#[derive(Debug, thiserror::Error)]
enum Unsignable {
    #[error("a header of the request is not ASCII")]
    Read(#[from] header::ToStrError),
    #[error("the credentials cannot be written into a header")]
    Written(#[from] header::InvalidHeaderValue),
}
