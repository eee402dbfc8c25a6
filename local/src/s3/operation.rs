//! The operation of a request, from its head alone: the name that faults and counters use, also for
//! a request that is refused before `s3s` routes it.

use http::request::Parts;
use http::{Method, header};

use crate::calls::Description;
use crate::subject::{Condition, Subject};
use crate::wire::text;

/// Query keys that make a request on a bucket one on its configuration, each with the operations of
/// GET, PUT and DELETE.
const BUCKET_SUBRESOURCES: [(&str, [&str; 3]); 6] = [
    ("cors", ["GetBucketCors", "PutBucketCors", "DeleteBucketCors"]),
    ("lifecycle", ["GetBucketLifecycleConfiguration", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"]),
    ("policy", ["GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"]),
    ("publicAccessBlock", ["GetPublicAccessBlock", "PutPublicAccessBlock", "DeletePublicAccessBlock"]),
    ("location", ["GetBucketLocation", "OtherBucketOperation", "OtherBucketOperation"]),
    ("uploads", ["ListMultipartUploads", "OtherBucketOperation", "OtherBucketOperation"]),
];

/// Query keys that belong to signing and listing, not to a subresource.
const PLAIN_BUCKET_KEYS: [&str; 12] = [
    "list-type",
    "prefix",
    "delimiter",
    "max-keys",
    "continuation-token",
    "start-after",
    "encoding-type",
    "fetch-owner",
    "marker",
    "x-id",
    "max-buckets",
    "bucket-region",
];

/// What a request is about.
pub(super) fn describe(head: &Parts) -> Description {
    let path = head.uri.path().trim_start_matches('/');
    let subject = match path.split_once('/') {
        None if path.is_empty() => Subject::None,
        None => Subject::Bucket(path.to_owned()),
        Some((bucket, "")) => Subject::Bucket(bucket.to_owned()),
        Some((bucket, key)) => {
            let (bucket, key) = (bucket.to_owned(), key.to_owned());
            Subject::Object { bucket, key, condition: condition(head) }
        }
    };
    Description { service: "s3", operation: name(head), subject }
}

fn condition(head: &Parts) -> Option<Condition> {
    if head.headers.contains_key(header::IF_MATCH) {
        Some(Condition::IfMatch)
    } else {
        head.headers.contains_key(header::IF_NONE_MATCH).then_some(Condition::IfNoneMatch)
    }
}

/// The name of the operation.
pub(super) fn name(head: &Parts) -> &'static str {
    let keys: Vec<&str> = query_keys(head.uri.query().unwrap_or_default()).collect();
    let path = head.uri.path().trim_start_matches('/');
    if head.method == Method::OPTIONS {
        return "Preflight";
    }
    match path.split_once('/') {
        None if path.is_empty() => root(head),
        Some((_, "")) | None => bucket(&head.method, &keys),
        Some(_) => object(head, &keys),
    }
}

fn root(head: &Parts) -> &'static str {
    if is_sts(head) {
        "Sts"
    } else if head.method == Method::GET {
        "ListBuckets"
    } else {
        "Unknown"
    }
}

/// STS shares S3's listener: a form posted to the root is for it.
pub(super) fn is_sts(head: &Parts) -> bool {
    head.method == Method::POST
        && head.uri.path() == "/"
        && text(&head.headers, "content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

fn bucket(method: &Method, keys: &[&str]) -> &'static str {
    let subresource = BUCKET_SUBRESOURCES.iter().find(|(key, _)| keys.contains(key));
    if let Some((_, [get, put, delete])) = subresource {
        return match *method {
            Method::GET => get,
            Method::PUT => put,
            Method::DELETE => delete,
            _ => "Unknown",
        };
    }
    let plain = keys.iter().all(|key| PLAIN_BUCKET_KEYS.contains(key) || key.starts_with("X-Amz-"));
    match *method {
        Method::GET if keys.contains(&"list-type") => "ListObjectsV2",
        Method::POST if keys.contains(&"delete") => "DeleteObjects",
        _ if !plain => "OtherBucketOperation",
        Method::GET => "ListObjects",
        Method::HEAD => "HeadBucket",
        Method::PUT => "CreateBucket",
        Method::DELETE => "DeleteBucket",
        _ => "Unknown",
    }
}

fn object(head: &Parts, keys: &[&str]) -> &'static str {
    let has = |key: &str| keys.contains(&key);
    let copies = head.headers.contains_key("x-amz-copy-source");
    match head.method {
        Method::GET if has("tagging") => "GetObjectTagging",
        Method::GET if has("uploadId") => "ListParts",
        Method::GET if has("attributes") => "GetObjectAttributes",
        Method::GET => "GetObject",
        Method::HEAD => "HeadObject",
        Method::PUT if has("tagging") => "PutObjectTagging",
        Method::PUT if has("uploadId") && copies => "UploadPartCopy",
        Method::PUT if has("uploadId") => "UploadPart",
        Method::PUT if copies => "CopyObject",
        Method::PUT => "PutObject",
        Method::POST if has("uploads") => "CreateMultipartUpload",
        Method::POST if has("uploadId") => "CompleteMultipartUpload",
        Method::DELETE if has("tagging") => "DeleteObjectTagging",
        Method::DELETE if has("uploadId") => "AbortMultipartUpload",
        Method::DELETE => "DeleteObject",
        _ => "Unknown",
    }
}

fn query_keys(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').map_or(pair, |(key, _)| key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(method: &str, uri: &str) -> &'static str {
        name(&http::Request::builder().method(method).uri(uri).body(()).unwrap().into_parts().0)
    }

    #[test]
    fn requests_have_the_operation_names_of_s3() {
        for (method, uri, expected) in [
            ("GET", "/", "ListBuckets"),
            ("PUT", "/b", "CreateBucket"),
            ("PUT", "/b/", "CreateBucket"),
            ("HEAD", "/b", "HeadBucket"),
            ("GET", "/b?list-type=2&prefix=a%2F", "ListObjectsV2"),
            ("GET", "/b?cors", "GetBucketCors"),
            ("PUT", "/b/?lifecycle", "PutBucketLifecycleConfiguration"),
            ("GET", "/b?versioning", "OtherBucketOperation"),
            ("POST", "/b/?delete", "DeleteObjects"),
            ("PUT", "/b/k?x-id=PutObject", "PutObject"),
            ("GET", "/b/a/k.json?X-Amz-Signature=0", "GetObject"),
            ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"),
            ("POST", "/b/k?uploads", "CreateMultipartUpload"),
            ("OPTIONS", "/b/k", "Preflight"),
        ] {
            assert_eq!(named(method, uri), expected, "{method} {uri}");
        }
    }
}
