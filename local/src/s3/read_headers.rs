//! The headers of a read that RFC 9110 reads otherwise than `s3s`, which refuses what it cannot
//! read: ranges (§14.2) and conditions (§13.1). They are taken out before `s3s` sees them, unless
//! they are signed: then a change would break the signature, and an SDK writes them well.

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, Method, header, request::Parts};
use s3s::dto::{ETag, ETagCondition, Range};

use crate::store::objects::Object;

/// What was taken out.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken {
    pub(super) if_match: Option<Vec<ETagCondition>>,
    pub(super) if_none_match: Option<Vec<ETagCondition>>,
    if_range: Option<String>,
}

/// Prepares the headers of a read.
pub(super) fn prepare(head: &mut Parts) {
    if ![Method::GET, Method::HEAD].contains(&head.method) || head.headers.contains_key(header::AUTHORIZATION) {
        return;
    }
    let signed = signed_headers(head);
    let free = |name: &HeaderName| !signed.split(';').any(|signed| signed.eq_ignore_ascii_case(name.as_str()));
    let mut taken = Taken::default();
    for (name, tags) in [(header::IF_MATCH, &mut taken.if_match), (header::IF_NONE_MATCH, &mut taken.if_none_match)] {
        if free(&name) && head.headers.contains_key(&name) {
            *tags = Some(head.headers.get_all(&name).iter().flat_map(list).collect());
            head.headers.remove(name);
        }
    }
    if free(&header::IF_RANGE) {
        taken.if_range = head.headers.remove(header::IF_RANGE).and_then(|v| Some(v.to_str().ok()?.trim().to_owned()));
    }
    for name in [header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE] {
        if free(&name)
            && let Some(date) = head.headers.remove(&name).as_ref().and_then(date)
        {
            // In the one form that `s3s` reads. One that cannot be read is ignored (§13.1.3).
            let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            head.headers.extend(HeaderValue::try_from(date).ok().map(|date| (name, date)));
        }
    }
    // One that cannot be read, of another unit, or several, are ignored: all of the object is sent.
    let readable = |range: &HeaderValue| range.to_str().is_ok_and(|range| Range::parse(range).is_ok());
    if free(&header::RANGE) && !head.headers.get_all(header::RANGE).iter().all(readable) {
        head.headers.remove(header::RANGE);
    }
    head.extensions.insert(taken);
}

impl Taken {
    /// Whether a range counts: what the client has of the object is still what it is (§13.1.5).
    pub(super) fn admits_range(&self, object: &Object) -> bool {
        let Some(validator) = &self.if_range else { return true };
        let modified = || httpdate::parse_http_date(validator).ok().map(DateTime::<Utc>::from);
        match tag(validator) {
            Some(ETagCondition::ETag(ETag::Strong(tag))) if validator.starts_with('"') => tag == object.etag,
            _ => modified().is_some_and(|at| at.timestamp() == object.modified / 1000),
        }
    }
}

fn signed_headers(head: &Parts) -> String {
    let query: Vec<(String, String)> =
        serde_urlencoded::from_str(head.uri.query().unwrap_or_default()).unwrap_or_default();
    query.into_iter().find(|(name, _)| name == "X-Amz-SignedHeaders").map(|(_, names)| names).unwrap_or_default()
}

fn date(value: &HeaderValue) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(value.to_str().ok()?.trim()).ok().map(DateTime::from)
}

/// The tags of a list. What is no tag matches nothing.
fn list(value: &HeaderValue) -> Vec<ETagCondition> {
    let (mut tags, mut rest) = (Vec::new(), String::from_utf8_lossy(value.as_bytes()).into_owned());
    while !rest.is_empty() {
        // A comma within the quotes is part of the tag.
        let quoted = rest.find('"').filter(|open| !rest[..*open].contains(','));
        let close = quoted.and_then(|open| Some(open + 2 + rest[open + 1..].find('"')?)).unwrap_or_default();
        let end = rest[close..].find(',').map_or(rest.len(), |comma| close + comma);
        tags.extend(tag(rest[..end].trim()));
        rest = rest.get(end + 1..).unwrap_or_default().to_owned();
    }
    tags
}

/// A tag, also without quotes, as S3 takes it.
fn tag(text: &str) -> Option<ETagCondition> {
    if text == "*" {
        return Some(ETagCondition::Any);
    }
    let (weak, text) = text.strip_prefix("W/").map_or((false, text), |text| (true, text));
    let tag = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).to_owned();
    match tag.is_empty() {
        true => None,
        false => Some(ETagCondition::ETag(if weak { ETag::Weak(tag) } else { ETag::Strong(tag) })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tags_is_read_with_commas_in_quotes_and_without_quotes() {
        let tags = |text: &'static str| -> Vec<String> {
            let name = |tag| match tag {
                ETagCondition::Any => "*".to_owned(),
                ETagCondition::ETag(ETag::Weak(tag)) => format!("weak {tag}"),
                ETagCondition::ETag(ETag::Strong(tag)) => tag,
            };
            list(&HeaderValue::from_static(text)).into_iter().map(name).collect()
        };
        assert_eq!(tags("\"a\""), ["a"]);
        assert_eq!(tags("\"a,b\" , W/\"c\",d,, *"), ["a,b", "weak c", "d", "*"]);
        assert_eq!(tags("garbage,"), ["garbage"]);
        assert_eq!(tags("\"open, \"a\""), ["open, \"a"], "no tag of any object");
        assert_eq!(tags(" , "), [""; 0]);
    }
}
