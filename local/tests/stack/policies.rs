//! Bucket policies.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;

use crate::clients::Clients;

#[tokio::test]
async fn a_bucket_policy_opens_and_closes() {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    for key in ["public/a", "private/a"] {
        clients.s3.put_object().bucket("status").key(key).body(ByteStream::from_static(b"x")).send().await.unwrap();
    }
    let url = |key: &str| format!("{}/status/{key}", clients.stack.endpoints().s3);
    assert_eq!(clients.http.get(url("public/a")).send().await.unwrap().status(), 403);

    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::status/public/*"},
        {"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::status/*"}]}"#;
    clients.s3.put_bucket_policy().bucket("status").policy(policy).send().await.unwrap();
    assert_eq!(clients.http.get(url("public/a")).send().await.unwrap().status(), 200);
    assert_eq!(clients.http.get(url("private/a")).send().await.unwrap().status(), 403);
    // An anonymous reader may not list, so a missing key is forbidden.
    assert_eq!(clients.http.get(url("public/none")).send().await.unwrap().status(), 403);
    let delete = || clients.s3.delete_object().bucket("status").key("public/a").send();
    assert_eq!(delete().await.unwrap_err().code(), Some("AccessDenied"));

    assert_eq!(clients.s3.get_bucket_policy().bucket("status").send().await.unwrap().policy(), Some(policy));
    clients.s3.delete_bucket_policy().bucket("status").send().await.unwrap();
    delete().await.unwrap();
    let bad = clients.s3.put_bucket_policy().bucket("status").policy("{").send().await.unwrap_err();
    assert_eq!(bad.code(), Some("MalformedPolicy"));
}
