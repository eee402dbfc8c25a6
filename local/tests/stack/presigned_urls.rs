//! Presigned URLs: accepted and refused as by S3, with S3's XML errors.

use std::time::Duration;

use crate::clients::{Clients, s3};
use aws_credential_types::Credentials;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use reqwest::Response;

async fn published() -> Clients {
    let clients = Clients::start().await;
    for bucket in ["one", "two"] {
        clients.s3.create_bucket().bucket(bucket).send().await.unwrap();
        for key in ["a b/ü.json", "other.json"] {
            let put = clients.s3.put_object().bucket(bucket).key(key).body(ByteStream::from_static(b"{}"));
            put.send().await.unwrap();
        }
    }
    clients
}

fn minutes(count: u64) -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_secs(60 * count)).unwrap()
}

async fn get_url(s3: &aws_sdk_s3::Client, lifetime: PresigningConfig) -> String {
    s3.get_object().bucket("one").key("a b/ü.json").presigned(lifetime).await.unwrap().uri().to_owned()
}

/// Status and code of an S3 error.
async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/xml");
    assert!(response.headers().contains_key("x-amz-request-id"));
    let body = response.text().await.unwrap();
    let code = body.split("<Code>").nth(1).and_then(|rest| rest.split("</Code>").next()).unwrap_or_default();
    assert!(body.contains("<Message>") && body.contains("<RequestId>"), "{body}");
    (status, code.to_owned())
}

#[tokio::test]
async fn a_url_serves_its_object_and_nothing_else() {
    let clients = published().await;
    let url = get_url(&clients.s3, minutes(1)).await;
    assert_eq!(clients.http.get(&url).send().await.unwrap().status(), 200);
    // Headers that are not signed may be added.
    let range = clients.http.get(&url).header("range", "bytes=0-0").send().await.unwrap();
    assert_eq!(range.status(), 206);

    assert_eq!(clients.http.head(&url).send().await.unwrap().status(), 403);
    let mismatch = (403, "SignatureDoesNotMatch".to_owned());
    let put = clients.http.put(&url).body("x").send().await.unwrap();
    assert_eq!(refusal(put).await, mismatch);
    for moved in [url.replace("/a%20b/%C3%BC.json", "/other.json"), url.replace("/one/", "/two/")] {
        assert_ne!(moved, url);
        assert_eq!(refusal(clients.http.get(&moved).send().await.unwrap()).await, mismatch, "{moved}");
    }
}

#[tokio::test]
async fn a_presigned_put_needs_the_signed_headers() {
    let clients = published().await;
    let put = clients
        .s3
        .put_object()
        .bucket("one")
        .key("put.json")
        .content_type("application/json")
        .presigned(minutes(1))
        .await
        .unwrap();
    let send =
        |content_type: &'static str| clients.http.put(put.uri()).header("content-type", content_type).body("{}").send();
    assert_eq!(refusal(send("text/plain").await.unwrap()).await, (403, "SignatureDoesNotMatch".to_owned()));
    assert_eq!(send("application/json").await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_tampered_url_is_refused() {
    let clients = published().await;
    let url = get_url(&clients.s3, minutes(1)).await;
    let (start, signature) = url.split_once("X-Amz-Signature=").unwrap();
    let signature = signature.split('&').next().unwrap();
    let flipped = if signature.starts_with('0') { '1' } else { '0' };
    let longer = url.replace("X-Amz-Expires=60", "X-Amz-Expires=600");
    for tampered in [
        format!("{start}X-Amz-Signature={flipped}{}", &signature[1..]),
        format!("{start}X-Amz-Signature={}", &signature[1..]),
        format!("{start}X-Amz-Signature="),
        longer,
        format!("{url}&response-content-type=text/html"),
    ] {
        assert_ne!(tampered, url);
        let response = clients.http.get(&tampered).send().await.unwrap();
        assert_eq!(refusal(response).await, (403, "SignatureDoesNotMatch".to_owned()), "{tampered}");
    }
}

#[tokio::test]
async fn a_url_past_its_expiry_is_refused() {
    let clients = published().await;
    let past = crate::clients::now() - Duration::from_secs(120);
    let lifetime = PresigningConfig::builder().start_time(past).expires_in(Duration::from_secs(60)).build().unwrap();
    let url = get_url(&clients.s3, lifetime).await;
    let response = clients.http.get(&url).send().await.unwrap();
    assert_eq!(response.status(), 403);
    let body = response.text().await.unwrap();
    assert!(body.contains("<Code>AccessDenied</Code><Message>Request has expired</Message>"), "{body}");
}

#[tokio::test]
async fn no_url_is_valid_longer_than_a_week() {
    let clients = published().await;
    let url = get_url(&clients.s3, PresigningConfig::expires_in(Duration::from_secs(604_800)).unwrap()).await;
    assert_eq!(clients.http.get(&url).send().await.unwrap().status(), 200);
    let longer = url.replace("X-Amz-Expires=604800", "X-Amz-Expires=604801");
    let response = clients.http.get(&longer).send().await.unwrap();
    assert_eq!(refusal(response).await, (400, "AuthorizationQueryParametersError".to_owned()));
}

#[tokio::test]
async fn other_credentials_are_refused() {
    let clients = published().await;
    let stranger = s3(&clients.stack, Credentials::new("AKIASTRANGER", "secret", None, None, "test"));
    let response = clients.http.get(get_url(&stranger, minutes(1)).await).send().await.unwrap();
    assert_eq!(refusal(response).await, (403, "InvalidAccessKeyId".to_owned()));
    let forger = s3(&clients.stack, Credentials::new("local", "guessed", None, None, "test"));
    let response = clients.http.get(get_url(&forger, minutes(1)).await).send().await.unwrap();
    assert_eq!(refusal(response).await, (403, "SignatureDoesNotMatch".to_owned()));
    let anonymous = format!("{}/one/other.json", clients.stack.endpoints().s3);
    let response = clients.http.get(&anonymous).send().await.unwrap();
    assert_eq!(refusal(response).await, (403, "AccessDenied".to_owned()));
}

#[tokio::test]
async fn only_one_way_to_sign_is_allowed() {
    let clients = published().await;
    let url = get_url(&clients.s3, minutes(1)).await;
    let response = clients.http.get(&url).header("authorization", "Bearer token").send().await.unwrap();
    assert_eq!(refusal(response).await, (400, "InvalidArgument".to_owned()));

    // The gate and `s3s` must not each pick another one of the two headers.
    let day = chrono::DateTime::<chrono::Utc>::from(crate::clients::now()).format("%Y%m%d").to_string();
    let claim = format!(
        "AWS4-HMAC-SHA256 Credential=local/{day}/us-east-1/s3/aws4_request, SignedHeaders=host, Signature={}",
        "0".repeat(64)
    );
    let plain = clients.http.get(url.split('?').next().unwrap());
    let twice = plain
        .header("authorization", &claim)
        .header("authorization", &claim)
        .header("x-amz-date", format!("{day}T000000Z"));
    assert_eq!(refusal(twice.send().await.unwrap()).await, (400, "InvalidArgument".to_owned()));
}

#[tokio::test]
async fn a_missing_key_is_not_found() {
    let clients = published().await;
    let url = clients.s3.get_object().bucket("one").key("none").presigned(minutes(1)).await.unwrap();
    let response = clients.http.get(url.uri()).send().await.unwrap();
    assert_eq!(refusal(response).await, (404, "NoSuchKey".to_owned()));
}

#[tokio::test]
async fn ranges_and_conditions_are_read_as_rfc_9110_has_it() {
    let clients = published().await;
    let url = get_url(&clients.s3, minutes(1)).await;
    let first = clients.http.get(&url).send().await.unwrap();
    let header = |name: &str| first.headers()[name].to_str().unwrap().to_owned();
    let (etag, modified) = (header("etag"), header("last-modified"));
    let (listed, weak) = (format!("\"x,y\", {etag}"), format!("W/{etag}"));
    for (headers, expected) in [
        // Ranges that are none: all of it.
        (&[("range", "lines=1-2")][..], 200),
        (&[("range", "bytes=5-2")], 200),
        (&[("range", "bytes=abc")], 200),
        (&[("range", "bytes=0-0,1-1")], 200),
        (&[("range", "bytes=0-0")], 206),
        (&[("range", "bytes=-1")], 206),
        (&[("range", "bytes=99-")], 416),
        (&[("range", "bytes=0-0"), ("if-range", &etag)], 206),
        (&[("range", "bytes=0-0"), ("if-range", &modified)], 206),
        (&[("range", "bytes=0-0"), ("if-range", "\"x\"")], 200),
        (&[("range", "bytes=0-0"), ("if-range", &weak)], 200),
        (&[("if-none-match", &etag)], 304),
        (&[("if-none-match", &weak)], 304),
        (&[("if-none-match", &listed)], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "garbage,")], 200),
        (&[("if-match", &listed)], 200),
        (&[("if-match", &weak)], 412),
        (&[("if-match", "*")], 200),
        (&[("if-match", "\"x\"")], 412),
        (&[("if-modified-since", &modified)], 304),
        (&[("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT")], 200),
        (&[("if-modified-since", "yesterday")], 200),
        (&[("if-unmodified-since", "yesterday")], 200),
        (&[("if-unmodified-since", "Sun Nov  6 08:49:37 1994")], 412),
        (&[("if-none-match", "\"x\""), ("if-modified-since", &modified)], 200),
        (&[("if-match", &etag), ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT")], 200),
        (&[("if-match", "\"x\""), ("if-none-match", &etag)], 412),
    ] {
        let request =
            headers.iter().fold(clients.http.get(&url), |request, (name, value)| request.header(*name, *value));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), expected, "{headers:?}");
        assert_eq!(answer.headers().contains_key("content-range"), expected == 206, "{headers:?}");
    }
}
