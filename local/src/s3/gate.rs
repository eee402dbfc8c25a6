//! Checks that S3 makes before it computes a signature, and `s3s` does not: one mechanism only, the
//! seven-day limit, expiry with S3's error texts, session tokens, signed headers that are present.
//! Pure, except that it looks up identities.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use http::request::Parts;

use super::xml::{ErrorResponse, SIGNATURE_MISMATCH};
use crate::clock::Millis;
use crate::identity::{Caller, CredentialError, Identities};
use crate::wire::text;

/// Seven days, the longest life of a presigned URL.
const MAX_EXPIRES_SECONDS: i64 = 604_800;
/// How far a signer's clock may be off.
const MAX_SKEW_MS: Millis = 15 * 60 * 1000;

/// The caller that a request claims to be, its signature still unchecked; `None` for an anonymous
/// one.
pub(super) fn admit(head: &Parts, identities: &Identities, now: Millis) -> Result<Option<Caller>, ErrorResponse> {
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let authorization = text(&head.headers, "authorization");
    if head.headers.get_all("authorization").iter().count() > 1 {
        return Err(ErrorResponse::bad_request("InvalidArgument", "Only one Authorization header is allowed"));
    }
    let presigned = query.get("X-Amz-Signature").is_some() || query.get("X-Amz-Algorithm").is_some();
    if query.get("AWSAccessKeyId").is_some() || authorization.is_some_and(|header| header.starts_with("AWS ")) {
        return Err(ErrorResponse::bad_request(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ));
    }
    match (authorization, presigned) {
        (Some(_), true) => Err(ErrorResponse::bad_request(
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the \
             Authorization header should be specified",
        )),
        (None, true) => admit_presigned(head, &query, identities, now).map(Some),
        (Some(header), false) => admit_header(head, header, identities, now).map(Some),
        (None, false) => Ok(None),
    }
}

fn admit_presigned(head: &Parts, query: &Query, identities: &Identities, now: Millis) -> Result<Caller, ErrorResponse> {
    let malformed = |message| ErrorResponse::bad_request("AuthorizationQueryParametersError", message);
    let (Some(algorithm), Some(credential), Some(signature), Some(date), Some(signed), Some(expires)) = (
        query.get("X-Amz-Algorithm"),
        query.get("X-Amz-Credential"),
        query.get("X-Amz-Signature"),
        query.get("X-Amz-Date"),
        query.get("X-Amz-SignedHeaders"),
        query.get("X-Amz-Expires"),
    ) else {
        return Err(malformed(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, \
             X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        ));
    };
    if algorithm != "AWS4-HMAC-SHA256" {
        return Err(malformed("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\""));
    }
    let expires: i64 = expires.parse().map_err(|_| malformed("X-Amz-Expires should be a number"))?;
    if expires < 0 {
        return Err(malformed("X-Amz-Expires must be non-negative"));
    }
    if expires > MAX_EXPIRES_SECONDS {
        return Err(malformed(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
        ));
    }
    let signed_at = NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ")
        .map_err(|_| malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""))?
        .and_utc();
    check_lifetime(signed_at, expires, now)?;
    let access_key_id = access_key_id(credential).ok_or_else(|| {
        malformed("Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".")
    })?;
    let caller = identify(identities, access_key_id, query.get("X-Amz-Security-Token"))?;
    check_signature_form(signature)?;
    check_signed_headers(head, signed, true)?;
    Ok(caller)
}

fn admit_header(head: &Parts, header: &str, identities: &Identities, now: Millis) -> Result<Caller, ErrorResponse> {
    let Some(fields) = header.strip_prefix("AWS4-HMAC-SHA256") else {
        return Err(ErrorResponse::bad_request("InvalidArgument", "Unsupported Authorization Type"));
    };
    let malformed =
        || ErrorResponse::bad_request("AuthorizationHeaderMalformed", "The authorization header is malformed.");
    let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    let (Some(credential), Some(signed), Some(signature)) =
        (field("Credential"), field("SignedHeaders"), field("Signature"))
    else {
        return Err(malformed());
    };
    let Some(date) = text(&head.headers, "x-amz-date") else {
        return Err(ErrorResponse::forbidden(
            "AccessDenied",
            "AWS authentication requires a valid Date or x-amz-date header",
        ));
    };
    check_skew(date, now)?;
    let access_key_id = access_key_id(credential).ok_or_else(malformed)?;
    let caller = identify(identities, access_key_id, text(&head.headers, "x-amz-security-token"))?;
    check_signature_form(signature)?;
    check_signed_headers(head, signed, false)?;
    Ok(caller)
}

/// `s3s` would use the wall clock; a fault may have shifted this service's clock.
fn check_skew(date: &str, now: Millis) -> Result<(), ErrorResponse> {
    // One that cannot be read is refused by `s3s`.
    let Ok(signed_at) = NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ") else { return Ok(()) };
    if (signed_at.and_utc().timestamp_millis() - now).abs() > MAX_SKEW_MS {
        return Err(ErrorResponse::forbidden(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ));
    }
    Ok(())
}

fn check_lifetime(signed_at: DateTime<Utc>, expires_seconds: i64, now: Millis) -> Result<(), ErrorResponse> {
    let from = signed_at.timestamp_millis();
    if from - now > MAX_SKEW_MS {
        return Err(ErrorResponse::forbidden("AccessDenied", "Request is not valid yet"));
    }
    let until = from + expires_seconds * 1000;
    if now <= until {
        return Ok(());
    }
    let rfc3339 = |at| crate::clock::datetime(at).to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut error = ErrorResponse::forbidden("AccessDenied", "Request has expired");
    error.details =
        vec![("X-Amz-Expires", expires_seconds.to_string()), ("Expires", rfc3339(until)), ("ServerTime", rfc3339(now))];
    Err(error)
}

fn identify(identities: &Identities, access_key_id: &str, token: Option<&str>) -> Result<Caller, ErrorResponse> {
    identities.caller(access_key_id, token).map_err(|error| match error {
        CredentialError::Expired => ErrorResponse::bad_request("ExpiredToken", "The provided token has expired."),
        CredentialError::InvalidToken if token.is_some() => {
            ErrorResponse::bad_request("InvalidToken", "The provided token is malformed or otherwise invalid.")
        }
        CredentialError::InvalidToken | CredentialError::UnknownKey => ErrorResponse::forbidden(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
    })
}

/// A signature of another form than 64 hexadecimal digits cannot match; `s3s` calls it a bad
/// request, S3 a mismatch.
fn check_signature_form(signature: &str) -> Result<(), ErrorResponse> {
    let well_formed = signature.len() == 64 && signature.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if well_formed { Ok(()) } else { Err(ErrorResponse::forbidden("SignatureDoesNotMatch", SIGNATURE_MISMATCH)) }
}

fn check_signed_headers(head: &Parts, signed: &str, presigned: bool) -> Result<(), ErrorResponse> {
    let signed: Vec<&str> = signed.split(';').collect();
    if !signed.contains(&"host") || signed.iter().any(|name| !head.headers.contains_key(*name)) {
        return Err(ErrorResponse::forbidden("SignatureDoesNotMatch", SIGNATURE_MISMATCH));
    }
    // The body's hash is the one that a URL's holder may state by himself.
    let unsigned = |name: &str| name.starts_with("x-amz-") && name != "x-amz-content-sha256" && !signed.contains(&name);
    if presigned && head.headers.keys().any(|name| unsigned(name.as_str())) {
        return Err(ErrorResponse::forbidden(
            "AccessDenied",
            "There were headers present in the request which were not signed",
        ));
    }
    Ok(())
}

fn access_key_id(credential: &str) -> Option<&str> {
    let mut parts = credential.rsplitn(5, '/');
    let scope_end = parts.next()?;
    (scope_end == "aws4_request").then_some(())?;
    parts.nth(3).filter(|key| !key.is_empty())
}

/// A decoded query string.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(query: &str) -> Self {
        Self(serde_urlencoded::from_str(query).unwrap_or_default())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const NOW: &str = "20261120T120000Z";

    fn now() -> Millis {
        NaiveDateTime::parse_from_str(NOW, "%Y%m%dT%H%M%SZ").unwrap().and_utc().timestamp_millis()
    }

    fn admitted(query: &str, headers: &[(&str, &str)]) -> Result<bool, &'static str> {
        let identities = Identities::new("local".into(), "secret".into(), Vec::new(), Clock::default());
        let mut request = http::Request::get(format!("/b/k?{query}")).header("host", "h");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        admit(&head, &identities, now()).map(|caller| caller.is_some()).map_err(|error| error.code)
    }

    fn presigned(date: &str, expires: &str, key: &str, signature: &str) -> String {
        format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={key}%2F20261120%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date={date}\
             &X-Amz-Expires={expires}&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
        )
    }

    #[test]
    fn a_url_is_checked_as_s3_checks_it() {
        let good = "0".repeat(64);
        assert_eq!(admitted(&presigned(NOW, "60", "local", &good), &[]), Ok(true));
        assert_eq!(admitted(&presigned(NOW, "604800", "local", &good), &[]), Ok(true));
        assert_eq!(admitted(&presigned(NOW, "604801", "local", &good), &[]), Err("AuthorizationQueryParametersError"));
        assert_eq!(admitted(&presigned(NOW, "soon", "local", &good), &[]), Err("AuthorizationQueryParametersError"));
        assert_eq!(admitted(&presigned("20261120T115859Z", "60", "local", &good), &[]), Err("AccessDenied"));
        assert_eq!(admitted(&presigned("20261120T122000Z", "60", "local", &good), &[]), Err("AccessDenied"));
        assert_eq!(admitted(&presigned(NOW, "60", "other", &good), &[]), Err("InvalidAccessKeyId"));
        assert_eq!(admitted(&presigned(NOW, "60", "local", "00"), &[]), Err("SignatureDoesNotMatch"));
        assert_eq!(admitted(&presigned(NOW, "60", "local", &good), &[("authorization", "x")]), Err("InvalidArgument"));
        assert_eq!(admitted(&presigned(NOW, "60", "local", &good), &[("x-amz-acl", "private")]), Err("AccessDenied"));
        assert_eq!(admitted(&presigned(NOW, "60", "local", &good), &[("if-none-match", "\"e\"")]), Ok(true));
        let twice = [("authorization", "AWS4-HMAC-SHA256 a"), ("authorization", "AWS4-HMAC-SHA256 b")];
        assert_eq!(admitted("", &twice), Err("InvalidArgument"));
        assert_eq!(admitted("X-Amz-Signature=0", &[]), Err("AuthorizationQueryParametersError"));
        assert_eq!(admitted("", &[]), Ok(false));
        assert_eq!(admitted("AWSAccessKeyId=local&Signature=x&Expires=1", &[]), Err("InvalidRequest"));
    }
}
