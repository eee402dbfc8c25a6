//! Signature version 4, with the key of the day kept, and nothing allocated but the result.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

type Mac = Hmac<Sha256>;

/// Who signs.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
}

/// Signs for one service.
pub(crate) struct Signer {
    credentials: Credentials,
    /// The token, percent-encoded.
    encoded_token: String,
    region: String,
    service: &'static str,
    /// The day that the key is of, as `20150830`.
    day: String,
    /// `20150830/us-east-1/service/aws4_request`
    scope: String,
    key: Mac,
}

/// What goes with a request besides its own headers.
pub(crate) struct Headers {
    pub(crate) date: String,
    pub(crate) authorization: String,
}

impl Signer {
    pub(crate) fn new(credentials: Credentials, region: &str, service: &'static str) -> Self {
        let mut encoded_token = String::new();
        encode(&credentials.session_token, &mut encoded_token);
        let (region, day, scope) = (region.to_owned(), String::new(), String::new());
        Self { credentials, encoded_token, region, service, day, scope, key: mac(b"") }
    }

    /// Signs a request. `headers` are those to be signed, sorted, with `x-amz-date` and
    /// `x-amz-security-token` left empty where they belong.
    pub(crate) fn sign(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        payload_hash: &str,
        now: DateTime<Utc>,
    ) -> Headers {
        let date = date(now);
        self.renew(&date[..8]);
        let mut request = Sha256::new();
        for part in [method, "\n", path, "\n\n"] {
            request.update(part);
        }
        for (name, value) in headers {
            let value = match *name {
                "x-amz-date" => &date,
                "x-amz-security-token" => &self.credentials.session_token,
                _ => *value,
            };
            for part in [name, ":", value, "\n"] {
                request.update(part);
            }
        }
        let mut signed = String::with_capacity(96);
        for (name, _) in headers {
            signed.push_str(if signed.is_empty() { "" } else { ";" });
            signed.push_str(name);
        }
        for part in ["\n", &signed, "\n", payload_hash] {
            request.update(part);
        }
        let signature = self.signature(&date, request);
        let (id, scope) = (&self.credentials.access_key_id, &self.scope);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={signed}, Signature={signature}");
        Headers { date, authorization }
    }

    /// A URL that gets `http://host/path` for so many seconds.
    pub(crate) fn presign(&mut self, host: &str, path: &str, seconds: u32, now: DateTime<Utc>) -> String {
        let date = date(now);
        self.renew(&date[..8]);
        let mut url = String::with_capacity(host.len() + path.len() + self.encoded_token.len() + 400);
        let (id, scope, token) = (&self.credentials.access_key_id, self.scope.replace('/', "%2F"), &self.encoded_token);
        // Writing to a string cannot fail.
        let _ = write!(url, "http://{host}{path}?");
        let query_at = url.len();
        let _ = write!(
            url,
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={id}%2F{scope}&X-Amz-Date={date}&X-Amz-Expires={seconds}"
        );
        if !token.is_empty() {
            let _ = write!(url, "&X-Amz-Security-Token={token}");
        }
        url.push_str("&X-Amz-SignedHeaders=host");
        let mut request = Sha256::new();
        for part in ["GET\n", path, "\n", &url[query_at..], "\nhost:", host, "\n\nhost\nUNSIGNED-PAYLOAD"] {
            request.update(part);
        }
        let signature = self.signature(&date, request);
        let _ = write!(url, "&X-Amz-Signature={signature}");
        url
    }

    fn signature(&self, date: &str, request: Sha256) -> String {
        let mut signature = self.key.clone();
        for part in ["AWS4-HMAC-SHA256\n", date, "\n", &self.scope, "\n", &hex(&request.finalize())] {
            signature.update(part.as_bytes());
        }
        hex(&signature.finalize().into_bytes())
    }

    fn renew(&mut self, day: &str) {
        if self.day == day {
            return;
        }
        let mut key = mac(format!("AWS4{}", self.credentials.secret_access_key).as_bytes());
        for part in [day, &self.region, self.service, "aws4_request"] {
            key.update(part.as_bytes());
            key = mac(&key.finalize().into_bytes());
        }
        self.scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        (self.key, self.day) = (key, day.to_owned());
    }
}

/// The hash of a body.
pub(crate) fn hash(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

fn mac(key: &[u8]) -> Mac {
    Mac::new_from_slice(key).expect("a key may have any length")
}

/// `20150830T123600Z`
fn date(now: DateTime<Utc>) -> String {
    let (year, month, day) = (now.year(), now.month(), now.day());
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", now.hour(), now.minute(), now.second())
}

/// Percent-encodes all but the unreserved characters.
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(service: &'static str, id: &str, secret: &str) -> Signer {
        let credentials = Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: String::new(),
        };
        Signer::new(credentials, "us-east-1", service)
    }

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    // get-vanilla of AWS's test suite of signatures.
    #[test]
    fn a_request_is_signed_as_aws_signs_it() {
        let mut signer = signer("service", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let headers = [("host", "example.amazonaws.com"), ("x-amz-date", "")];
        let signed = signer.sign("GET", "/", &headers, &hash(b""), at("2015-08-30T12:36:00Z"));
        let signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert!(signed.authorization.ends_with(&format!("Signature={signature}")), "{}", signed.authorization);
    }

    // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    #[test]
    fn a_url_is_signed_as_aws_signs_it() {
        let mut signer = signer("s3", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let url = signer.presign("examplebucket.s3.amazonaws.com", "/test.txt", 86_400, at("2013-05-24T00:00:00Z"));
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(url.ends_with(&format!("X-Amz-Signature={signature}")), "{url}");
    }
}
