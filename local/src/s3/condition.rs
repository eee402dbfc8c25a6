//! The conditions of reads and writes. Pure.

use http::{HeaderMap, HeaderValue, StatusCode};
use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::error::{no_such_key, precondition_failed};
use super::timestamp::seconds;
use crate::store::objects::Object;

/// Pure: whether the conditions of a write hold for the current object of the key.
pub(super) fn check_write(
    current: Option<&Object>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    if if_none_match.is_some() && current.is_some() {
        return Err(precondition_failed());
    }
    match (if_match, current) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(no_such_key()),
        (Some(condition), Some(object)) if meets(condition, &object.etag) => Ok(()),
        (Some(_), Some(_)) => Err(precondition_failed()),
    }
}

/// On a write S3 supports `If-None-Match: *` only.
pub(super) fn refuse_unsupported(if_none_match: Option<&ETagCondition>) -> S3Result<()> {
    match if_none_match {
        Some(ETagCondition::ETag(_)) => {
            Err(s3_error!(NotImplemented, "A header you provided implies functionality that is not implemented"))
        }
        _ => Ok(()),
    }
}

pub(super) fn meets(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(expected) => expected.value() == etag,
    }
}

/// A weak tag is never the same where the bytes matter (§13.1.1).
fn is_strong(condition: &ETagCondition) -> bool {
    !matches!(condition, ETagCondition::ETag(ETag::Weak(_)))
}

/// The conditions of a read.
#[derive(Clone, Default)]
pub(super) struct Conditions {
    pub(super) if_match: Option<Vec<ETagCondition>>,
    pub(super) if_none_match: Option<Vec<ETagCondition>>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// In RFC 9110's order (§13.2.2): an ETag condition outweighs the date of its kind.
    pub(super) fn check(&self, object: &Object) -> S3Result<()> {
        let changed_since = |since: &Timestamp| object.modified / 1000 > seconds(since);
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(tags), _) if !tags.iter().any(|tag| is_strong(tag) && meets(tag, &object.etag)) => {
                return Err(precondition_failed());
            }
            (None, Some(since)) if changed_since(since) => return Err(precondition_failed()),
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(tags), _) if tags.iter().any(|tag| meets(tag, &object.etag)) => Err(not_modified(object)),
            (None, Some(since)) if !changed_since(since) => Err(not_modified(object)),
            _ => Ok(()),
        }
    }
}

/// 304. `s3s` ignores the status of a response to GET, so this is an error, whose body the service
///      removes.
fn not_modified(object: &Object) -> S3Error {
    let mut headers = HeaderMap::new();
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", object.etag)) {
        headers.insert(http::header::ETAG, etag);
    }
    if let Some(Ok(value)) = object.head.cache_control.as_deref().map(HeaderValue::from_str) {
        headers.insert(http::header::CACHE_CONTROL, value);
    }
    let modified = crate::clock::datetime(object.modified).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(value) = HeaderValue::from_str(&modified) {
        headers.insert(http::header::LAST_MODIFIED, value);
    }
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    error.set_status_code(StatusCode::NOT_MODIFIED);
    error.set_headers(headers);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::objects::Head;

    fn object(etag: &str) -> Object {
        Object {
            id: 1,
            key: "k".to_owned(),
            etag: etag.to_owned(),
            size: 0,
            modified: 1_000_500,
            storage_class: "STANDARD".to_owned(),
            head: Head::default(),
            tags: Vec::new(),
        }
    }

    fn is(etag: &str) -> ETagCondition {
        ETagCondition::ETag(s3s::dto::ETag::Strong(etag.to_owned()))
    }

    #[test]
    fn a_write_is_refused_unless_its_condition_holds() {
        let code = |current: Option<&Object>, if_match: Option<ETagCondition>, if_none_match: Option<ETagCondition>| {
            check_write(current, if_match.as_ref(), if_none_match.as_ref()).map_err(|error| error.code().clone())
        };
        let current = object("a");
        assert_eq!(code(Some(&current), None, None), Ok(()));
        assert_eq!(code(Some(&current), Some(is("a")), None), Ok(()));
        assert_eq!(code(Some(&current), Some(is("b")), None), Err(S3ErrorCode::PreconditionFailed));
        assert_eq!(code(None, Some(is("a")), None), Err(S3ErrorCode::NoSuchKey));
        assert_eq!(code(None, None, Some(ETagCondition::Any)), Ok(()));
        assert_eq!(code(Some(&current), None, Some(ETagCondition::Any)), Err(S3ErrorCode::PreconditionFailed));
    }

    #[test]
    fn an_etag_condition_of_a_read_outweighs_a_date() {
        let later = super::super::timestamp::timestamp(2_000_000_000);
        let none = Conditions::default;
        let code = |conditions: Conditions| conditions.check(&object("a")).map_err(|error| error.code().clone());
        assert_eq!(
            code(Conditions { if_none_match: Some(vec![is("x"), is("a")]), ..none() }),
            Err(S3ErrorCode::NotModified)
        );
        assert_eq!(
            code(Conditions { if_modified_since: Some(later.clone()), ..none() }),
            Err(S3ErrorCode::NotModified)
        );
        let both = Conditions { if_none_match: Some(vec![is("b")]), if_modified_since: Some(later.clone()), ..none() };
        assert_eq!(code(both), Ok(()));
        assert_eq!(code(Conditions { if_match: Some(vec![is("b")]), ..none() }), Err(S3ErrorCode::PreconditionFailed));
        assert_eq!(code(Conditions { if_unmodified_since: Some(later), ..none() }), Ok(()));
    }
}
