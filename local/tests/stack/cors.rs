//! Cross-origin requests, as a browser sends them.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use reqwest::Method;

use crate::clients::Clients;

const KEY: &str = "status/a b/ü+%.json";
const ORIGIN: &str = "https://shop.example";

async fn published() -> (Clients, String) {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    let rule = CorsRule::builder()
        .allowed_origins(ORIGIN)
        .allowed_methods("GET")
        .allowed_headers("if-none-match")
        .expose_headers("ETag")
        .max_age_seconds(600)
        .build()
        .unwrap();
    let rules = CorsConfiguration::builder().cors_rules(rule).build().unwrap();
    clients.s3.put_bucket_cors().bucket("status").cors_configuration(rules).send().await.unwrap();
    let put = clients.s3.put_object().bucket("status").key(KEY).cache_control("no-cache");
    put.body(ByteStream::from_static(b"{}")).send().await.unwrap();
    let lifetime = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let url = clients.s3.get_object().bucket("status").key(KEY).presigned(lifetime).await.unwrap().uri().to_owned();
    (clients, url)
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_rules() {
    let (clients, url) = published().await;
    let preflight = |origin: &'static str, method: &'static str, headers: &'static str| {
        let request = clients.http.request(Method::OPTIONS, &url).header("origin", origin);
        request.header("access-control-request-method", method).header("access-control-request-headers", headers).send()
    };
    let allowed = preflight(ORIGIN, "GET", "If-None-Match").await.unwrap();
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["access-control-allow-origin"], ORIGIN);
    assert_eq!(allowed.headers()["access-control-allow-methods"], "GET");
    assert_eq!(allowed.headers()["access-control-allow-headers"], "If-None-Match");
    assert_eq!(allowed.headers()["access-control-max-age"], "600");
    for (origin, method, headers) in [
        ("https://evil.example", "GET", "if-none-match"),
        (ORIGIN, "PUT", "if-none-match"),
        (ORIGIN, "GET", "authorization"),
    ] {
        let refused = preflight(origin, method, headers).await.unwrap();
        assert_eq!(refused.status(), 403, "{origin} {method} {headers}");
        assert!(!refused.headers().contains_key("access-control-allow-origin"));
        assert!(refused.text().await.unwrap().contains("<Code>AccessForbidden</Code>"));
    }
}

#[tokio::test]
async fn a_page_can_read_every_response_also_304_and_errors() {
    let (clients, url) = published().await;
    let get = |url: &str| clients.http.get(url).header("origin", ORIGIN);
    let found = get(&url).send().await.unwrap();
    assert_eq!(found.status(), 200);
    assert_eq!(found.headers()["access-control-expose-headers"], "ETag");
    let etag = found.headers()["etag"].clone();

    let same = get(&url).header("if-none-match", etag.clone()).send().await.unwrap();
    assert_eq!(same.status(), 304);
    assert_eq!(same.headers()["access-control-allow-origin"], ORIGIN);
    assert_eq!(same.headers()["etag"], etag);
    assert_eq!(same.headers()["cache-control"], "no-cache");
    assert!(!same.headers().contains_key("content-type"));

    let refused = get(&url.replace("X-Amz-Expires=60", "X-Amz-Expires=61")).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.headers()["access-control-allow-origin"], ORIGIN);

    let stranger = clients.http.get(&url).header("origin", "https://evil.example").send().await.unwrap();
    assert!(!stranger.headers().contains_key("access-control-allow-origin"));
    let plain = clients.http.get(&url).send().await.unwrap();
    assert!(!plain.headers().contains_key("access-control-allow-origin"));
}
