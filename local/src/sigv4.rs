//! Signature Version 4 in the `Authorization` header, for the services whose requests are one
//! hashed body: SQS, DynamoDB and STS. S3's three ways to sign are verified by `s3s`.

use std::fmt::Write;

use chrono::NaiveDateTime;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use http::request::Parts;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::clock::Millis;
use crate::identity::{Caller, CredentialError, Identities};
use crate::wire::{self, text};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far a client's clock may be off.
const MAX_SKEW_MS: Millis = 15 * 60 * 1000;
/// More signed headers than any SDK signs.
const MAX_SIGNED_HEADERS: usize = 64;

/// Why a signature is refused. Each service has error codes of its own for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignatureError {
    /// No `Authorization` header.
    Missing,
    /// The header cannot be read, or lacks a part.
    Incomplete(&'static str),
    /// Signed for another service, date or day.
    WrongScope(&'static str),
    /// Signed too long ago, or in the future.
    Skewed,
    Credentials(CredentialError),
    Mismatch,
}

/// The parts of an `Authorization` header.
#[derive(Debug, PartialEq, Eq)]
struct Authorization<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// Verifies a request's signature. `service` is the one that the scope must name.
pub(crate) fn verify(
    head: &Parts,
    body: &[u8],
    service: &str,
    identities: &Identities,
) -> Result<Caller, SignatureError> {
    let header = text(&head.headers, "authorization").ok_or(SignatureError::Missing)?;
    let authorization = parse(header)?;
    let timestamp = text(&head.headers, "x-amz-date")
        .ok_or(SignatureError::Incomplete("Authorization header requires existence of an 'X-Amz-Date' header"))?;
    check_scope(&authorization, timestamp, service)?;
    check_freshness(timestamp, wire::service_time(head))?;
    let caller = identities
        .caller(authorization.access_key_id, text(&head.headers, "x-amz-security-token"))
        .map_err(SignatureError::Credentials)?;
    let canonical = canonical_request(head, &authorization.signed_headers, body)?;
    let expected = signature(identities.secret(&caller), &authorization, timestamp, &canonical);
    if bool::from(expected.as_bytes().ct_eq(authorization.signature.as_bytes())) {
        Ok(caller)
    } else {
        Err(SignatureError::Mismatch)
    }
}

/// The access key that a request names, in its header or in its query, whether or not its signature
/// is good.
pub(crate) fn claimed_key(head: &Parts) -> Option<String> {
    let header = text(&head.headers, "authorization").unwrap_or_default();
    let query = head.uri.query().unwrap_or_default();
    let credential = ["Credential=", "X-Amz-Credential="]
        .iter()
        .zip([header, query])
        .find_map(|(name, fields)| fields.split([',', ' ', '&']).find_map(|field| field.strip_prefix(name)))?;
    // In a query the slash is percent-encoded.
    credential.split(['/', '%']).next().map(str::to_owned)
}

fn parse(header: &str) -> Result<Authorization<'_>, SignatureError> {
    let fields = header
        .strip_prefix(ALGORITHM)
        .ok_or(SignatureError::Incomplete("Unsupported AWS 'algorithm', expected 'AWS4-HMAC-SHA256'"))?;
    let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    let credential = field("Credential")
        .ok_or(SignatureError::Incomplete("Authorization header requires 'Credential' parameter"))?;
    let signed = field("SignedHeaders")
        .ok_or(SignatureError::Incomplete("Authorization header requires 'SignedHeaders' parameter"))?;
    let signature =
        field("Signature").ok_or(SignatureError::Incomplete("Authorization header requires 'Signature' parameter"))?;
    // Parsed from the end: an access key may contain a slash, the scope cannot.
    let mut scope = credential.rsplitn(5, '/');
    let mut next = || scope.next().filter(|part| !part.is_empty());
    let (Some("aws4_request"), Some(service), Some(region), Some(date), Some(access_key_id)) =
        (next(), next(), next(), next(), next())
    else {
        return Err(SignatureError::Incomplete("Credential must have exactly 5 slash-delimited elements"));
    };
    let signed_headers: Vec<_> = signed.split(';').collect();
    if signed_headers.len() > MAX_SIGNED_HEADERS || !signed_headers.contains(&"host") {
        return Err(SignatureError::Incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization"));
    }
    Ok(Authorization { access_key_id, date, region, service, signed_headers, signature })
}

fn check_scope(authorization: &Authorization<'_>, timestamp: &str, service: &str) -> Result<(), SignatureError> {
    if authorization.service != service {
        return Err(SignatureError::WrongScope("Credential should be scoped to correct service"));
    }
    if !timestamp.starts_with(authorization.date) || authorization.date.len() != 8 {
        return Err(SignatureError::WrongScope(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP",
        ));
    }
    Ok(())
}

/// Pure in `now`.
fn check_freshness(timestamp: &str, now: Millis) -> Result<(), SignatureError> {
    let signed = NaiveDateTime::parse_from_str(timestamp, "%Y%m%dT%H%M%SZ")
        .map_err(|_| SignatureError::Incomplete("Date must be in ISO-8601 'basic format'"))?;
    let age = now - signed.and_utc().timestamp_millis();
    if age.abs() > MAX_SKEW_MS { Err(SignatureError::Skewed) } else { Ok(()) }
}

fn canonical_request(head: &Parts, signed_headers: &[&str], body: &[u8]) -> Result<String, SignatureError> {
    let mut canonical = format!(
        "{}\n{}\n{}\n",
        head.method,
        encoded_path(head.uri.path()),
        sorted_query(head.uri.query().unwrap_or_default())
    );
    for name in signed_headers {
        let value = joined_value(&head.headers, name).ok_or(SignatureError::Mismatch)?;
        let _ = writeln!(canonical, "{name}:{value}");
    }
    let _ = write!(canonical, "\n{}\n{}", signed_headers.join(";"), hex(&Sha256::digest(body)));
    Ok(canonical)
}

/// Every service but S3 signs the path encoded once more.
fn encoded_path(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// The services behind this verifier take no query, so a query is only sorted.
fn sorted_query(query: &str) -> String {
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
        .collect();
    pairs.sort_unstable();
    pairs.join("&")
}

fn joined_value(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<String> = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().map(|value| value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")))
        .collect::<Result<_, _>>()
        .ok()?;
    (!values.is_empty()).then(|| values.join(","))
}

fn signature(secret: &str, authorization: &Authorization<'_>, timestamp: &str, canonical: &str) -> String {
    let Authorization { date, region, service, .. } = authorization;
    let to_sign = format!(
        "{ALGORITHM}\n{timestamp}\n{date}/{region}/{service}/aws4_request\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let key = [date.as_bytes(), region.as_bytes(), service.as_bytes(), b"aws4_request"]
        .into_iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part));
    hex(&mac(&key, to_sign.as_bytes()))
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The `get-vanilla` case of AWS's published test suite.
    const PIECES: &[&str] = &[
        "AWS4-HMAC-SHA256",
        " ",
        "Credential=",
        "AKID",
        "/",
        "20150830",
        "us-east-1",
        "sqs",
        "aws4_request",
        ",",
        "SignedHeaders=",
        "host",
        ";",
        "x-amz-date",
        "Signature=",
        "0123456789abcdef",
        "X-Amz-Credential=",
        "%2F",
        "&",
        "é",
    ];

    #[test]
    fn the_published_vector_signs_as_published() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, \
                      Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        let authorization = parse(header).unwrap();
        let (head, ()) = http::Request::get("/")
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .body(())
            .unwrap()
            .into_parts();
        let canonical = canonical_request(&head, &authorization.signed_headers, b"").unwrap();
        assert_eq!(signature(secret, &authorization, "20150830T123600Z", &canonical), authorization.signature);
    }

    #[test]
    fn a_signature_is_valid_for_fifteen_minutes_either_way() {
        let signed =
            NaiveDateTime::parse_from_str("20261120T120000Z", "%Y%m%dT%H%M%SZ").unwrap().and_utc().timestamp_millis();
        assert_eq!(check_freshness("20261120T120000Z", signed + MAX_SKEW_MS), Ok(()));
        assert_eq!(check_freshness("20261120T120000Z", signed - MAX_SKEW_MS), Ok(()));
        assert_eq!(check_freshness("20261120T120000Z", signed + MAX_SKEW_MS + 1), Err(SignatureError::Skewed));
        assert_eq!(check_freshness("20261120T120000Z", signed - MAX_SKEW_MS - 1), Err(SignatureError::Skewed));
    }

    #[test]
    fn the_claimed_key_is_found_in_header_and_query() {
        let request = |header: &str, query: &str| {
            let request = http::Request::get(format!("/b/k?{query}")).header("authorization", header);
            request.body(()).unwrap().into_parts().0
        };
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20150830/r/s/aws4_request, SignedHeaders=host, Signature=00";
        assert_eq!(claimed_key(&request(header, "")).as_deref(), Some("AKID"));
        let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20150830%2Fr%2Fs3%2Faws4_request";
        assert_eq!(claimed_key(&request("", query)).as_deref(), Some("AKID"));
        assert_eq!(claimed_key(&request("", "")), None);
    }

    #[test]
    fn an_unsigned_host_is_refused() {
        let header = "AWS4-HMAC-SHA256 Credential=A/20150830/r/s/aws4_request, SignedHeaders=x-amz-date, Signature=00";
        assert!(matches!(parse(header), Err(SignatureError::Incomplete(_))));
    }

    proptest! {
        #[test]
        fn no_header_panics_and_none_passes_without_the_secret(
            header in prop::collection::vec(prop::sample::select(PIECES), 0..14).prop_map(|pieces| pieces.concat()),
            query in prop::collection::vec(prop::sample::select(PIECES), 0..6).prop_map(|pieces| pieces.concat()),
        ) {
            let uri = http::Uri::try_from(format!("/?{}", query.replace([' ', '\u{e9}'], "%20")));
            prop_assume!(uri.is_ok());
            let mut request = http::Request::new(());
            *request.uri_mut() = uri.unwrap_or_default();
            if let Ok(value) = http::HeaderValue::from_bytes(header.as_bytes()) {
                request.headers_mut().insert("authorization", value);
            }
            request.headers_mut().insert("x-amz-date", http::HeaderValue::from_static("20150830T123600Z"));
            request.headers_mut().insert("host", http::HeaderValue::from_static("example"));
            let head = request.into_parts().0;
            drop(claimed_key(&head));
            if let Ok(authorization) = parse(&header) {
                prop_assert!(authorization.signed_headers.contains(&"host"));
                drop(check_scope(&authorization, "20150830T123600Z", "sqs"));
                if let Ok(canonical) = canonical_request(&head, &authorization.signed_headers, b"") {
                    let expected = signature("secret", &authorization, "20150830T123600Z", &canonical);
                    prop_assert_ne!(expected.as_str(), authorization.signature);
                }
            }
        }
    }
}
