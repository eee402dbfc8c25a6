//! The body of a PUT: read within bounds, and compared with every checksum that the client sent.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, StatusCode};
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};

use super::error::custom;
use crate::sigv4::hex;
use crate::wire::BODY_TIMEOUT;

/// The largest body of one request.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// The capacity reserved before the body is read; a client may state any length.
const FIRST_CAPACITY: usize = 64 * 1024;
const ALGORITHMS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];

/// The checksums that the client sent with a body.
pub(super) struct Stated {
    pub(super) checksum: Checksum,
    pub(super) md5: Option<String>,
    /// The checksum in the trailer of an `aws-chunked` body.
    pub(super) trailer: Option<(String, TrailingHeaders)>,
}

impl Stated {
    pub(super) fn new(
        checksum: Checksum,
        md5: Option<String>,
        headers: &HeaderMap,
        trailers: Option<TrailingHeaders>,
    ) -> Self {
        let name = headers
            .get("x-amz-trailer")
            .and_then(|name| name.to_str().ok())
            .map(|name| name.trim().to_ascii_lowercase());
        Self { checksum, md5, trailer: name.zip(trailers) }
    }
}

/// A verified body.
pub(super) struct Upload {
    pub(super) body: Bytes,
    pub(super) md5: [u8; 16],
    /// By algorithm, in base64.
    pub(super) checksums: BTreeMap<String, String>,
}

impl Upload {
    /// The ETag of an object that was sent in one piece.
    pub(super) fn etag(&self) -> String {
        hex(&self.md5)
    }
}

/// Reads and verifies a body.
pub(super) async fn receive(body: Option<StreamingBlob>, stated: Stated) -> S3Result<Upload> {
    let mut hasher = hasher(&stated);
    let mut received = BytesMut::with_capacity(FIRST_CAPACITY);
    let read = async {
        let Some(mut body) = body else { return Ok(()) };
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| broken_body(&*error))?;
            if received.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size"));
            }
            hasher.update(&chunk);
            received.extend_from_slice(&chunk);
        }
        Ok(())
    };
    tokio::time::timeout(BODY_TIMEOUT, read).await.map_err(|_| {
        s3_error!(
            RequestTimeout,
            "Your socket connection to the server was not read from or written to within the timeout period."
        )
    })??;
    let body = received.freeze();
    let md5: [u8; 16] = Md5::digest(&body).into();
    if stated.md5.as_ref().is_some_and(|stated| *stated != STANDARD.encode(md5)) {
        return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
    }
    let computed = by_algorithm(hasher.finalize());
    check(&computed, by_algorithm(stated.checksum), stated.trailer)?;
    Ok(Upload { body, md5, checksums: computed })
}

fn hasher(stated: &Stated) -> ChecksumHasher {
    let trailer = stated.trailer.as_ref().map(|(name, _)| name.as_str());
    let requested =
        |header: Option<&String>, name| header.is_some() || trailer.is_some_and(|trailer| trailer.contains(name));
    let Checksum { checksum_crc32, checksum_crc32c, checksum_crc64nvme, checksum_sha1, checksum_sha256, .. } =
        &stated.checksum;
    ChecksumHasher {
        crc32: requested(checksum_crc32.as_ref(), "x-amz-checksum-crc32").then(Default::default),
        crc32c: requested(checksum_crc32c.as_ref(), "x-amz-checksum-crc32c").then(Default::default),
        crc64nvme: requested(checksum_crc64nvme.as_ref(), "x-amz-checksum-crc64nvme").then(Default::default),
        sha1: requested(checksum_sha1.as_ref(), "x-amz-checksum-sha1").then(Default::default),
        sha256: requested(checksum_sha256.as_ref(), "x-amz-checksum-sha256").then(Default::default),
    }
}

fn check(
    computed: &BTreeMap<String, String>,
    stated: BTreeMap<String, String>,
    trailer: Option<(String, TrailingHeaders)>,
) -> S3Result<()> {
    let mut stated = stated;
    if let Some((name, trailers)) = trailer
        && let Some(algorithm) = name.strip_prefix("x-amz-checksum-")
        && ALGORITHMS.contains(&algorithm)
    {
        let value = trailers
            .take()
            .and_then(|headers| headers.get(&name).and_then(|value| value.to_str().ok()).map(str::to_owned))
            .ok_or_else(|| custom(StatusCode::BAD_REQUEST, "MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema."))?;
        stated.insert(algorithm.to_owned(), value);
    }
    for (algorithm, value) in stated {
        if computed.get(&algorithm) != Some(&value) {
            return Err(S3Error::with_message(
                S3ErrorCode::BadDigest,
                format!("The {} you specified did not match the calculated checksum.", algorithm.to_ascii_uppercase()),
            ));
        }
    }
    Ok(())
}

/// Checksums in the form of the store.
fn by_algorithm(checksum: Checksum) -> BTreeMap<String, String> {
    let Checksum { checksum_crc32, checksum_crc32c, checksum_crc64nvme, checksum_sha1, checksum_sha256, .. } = checksum;
    ALGORITHMS
        .into_iter()
        .zip([checksum_crc32, checksum_crc32c, checksum_crc64nvme, checksum_sha1, checksum_sha256])
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// Checksums in the form of a response.
pub(super) fn response_checksums(checksums: &BTreeMap<String, String>) -> Checksum {
    let of = |name: &str| checksums.get(name).cloned();
    Checksum {
        checksum_crc32: of("crc32"),
        checksum_crc32c: of("crc32c"),
        checksum_crc64nvme: of("crc64nvme"),
        checksum_sha1: of("sha1"),
        checksum_sha256: of("sha256"),
        ..Checksum::default()
    }
}

/// `s3s` verifies hashes and chunk signatures while the body is read, and reports what it finds as
/// text only.
fn broken_body(error: &(dyn std::error::Error + Send + Sync)) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        custom(
            StatusCode::BAD_REQUEST,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    } else if text.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch, "The chunk signature does not match.")
    } else {
        s3_error!(
            IncompleteBody,
            "You did not provide the number of bytes specified by the Content-Length HTTP header."
        )
    }
}
