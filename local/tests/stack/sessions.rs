//! STS, and what its sessions may do until they expire.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use chrono::{DateTime, Utc};
use offload_local::Options;

use crate::clients::{Clients, dynamodb, now, s3, sqs};
use crate::signature::{Key, signed};

const READ_STATUS: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::status/*"},
    {"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:orders"},
    {"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"arn:aws:dynamodb:us-east-1:000000000000:table/orders"}]}"#;

/// A form posted to STS: status and body.
async fn sts(clients: &Clients, key: &Key, form: &[(&str, &str)]) -> (u16, String) {
    let body = serde_urlencoded::to_string(form).unwrap();
    let at = DateTime::<Utc>::from(now());
    let request = signed(&clients.http, &clients.stack.endpoints().sts, "sts", key, at, &body);
    let response = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn element(xml: &str, name: &str) -> String {
    let after = xml.split(&format!("<{name}>")).nth(1).unwrap_or_else(|| panic!("no {name} in {xml}"));
    after.split('<').next().unwrap().to_owned()
}

async fn assume(clients: &Clients, key: &Key, seconds: u32, policy: Option<&str>) -> (u16, String) {
    let seconds = seconds.to_string();
    let mut form = vec![
        ("Action", "AssumeRole"),
        ("RoleArn", "arn:aws:iam::000000000000:role/signer"),
        ("RoleSessionName", "test"),
        ("DurationSeconds", &seconds),
    ];
    form.extend(policy.map(|policy| ("Policy", policy)));
    sts(clients, key, &form).await
}

async fn session(clients: &Clients, seconds: u32, policy: Option<&str>) -> (Key, DateTime<Utc>) {
    let (status, xml) = assume(clients, &Key::root(), seconds, policy).await;
    assert_eq!(status, 200, "{xml}");
    let key = Key {
        id: element(&xml, "AccessKeyId"),
        secret: element(&xml, "SecretAccessKey"),
        token: Some(element(&xml, "SessionToken")),
    };
    (key, DateTime::parse_from_rfc3339(&element(&xml, "Expiration")).unwrap().to_utc())
}

fn credentials(key: &Key) -> Credentials {
    Credentials::new(&key.id, &key.secret, key.token.clone(), None, "test")
}

async fn prepared() -> Clients {
    let clients = Clients::with(Options { min_session_seconds: 60, ..Options::ephemeral() }).await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    clients.s3.put_object().bucket("status").key("k").body(ByteStream::from_static(b"{}")).send().await.unwrap();
    clients
}

#[tokio::test]
async fn a_session_expires_when_its_expiration_says() {
    let clients = prepared().await;
    let before = DateTime::<Utc>::from(now());
    let (key, expires) = session(&clients, 60, None).await;
    let stated = (expires - before).num_seconds();
    assert!((58..=61).contains(&stated), "{stated}");

    let s3 = s3(&clients.stack, credentials(&key));
    let sqs = sqs(&clients.stack, credentials(&key));
    let dynamodb = dynamodb(&clients.stack, credentials(&key));
    let lifetime = PresigningConfig::expires_in(Duration::from_secs(3600)).unwrap();
    let url = s3.get_object().bucket("status").key("k").presigned(lifetime).await.unwrap();
    assert_eq!(clients.http.get(url.uri()).send().await.unwrap().status(), 200);
    sqs.list_queues().send().await.unwrap();
    dynamodb.list_tables().send().await.unwrap();

    clients.stack.advance_clock(Duration::from_secs(61)).await;
    let late = clients.http.get(url.uri()).send().await.unwrap();
    assert_eq!(late.status(), 400, "a URL dies with the session that signed it");
    assert!(late.text().await.unwrap().contains("<Code>ExpiredToken</Code>"));
    assert_eq!(sqs.list_queues().send().await.unwrap_err().code(), Some("ExpiredToken"));
    assert_eq!(dynamodb.list_tables().send().await.unwrap_err().code(), Some("ExpiredTokenException"));
    let (status, xml) = sts(&clients, &key, &[("Action", "GetCallerIdentity")]).await;
    assert_eq!((status, element(&xml, "Code").as_str()), (403, "ExpiredToken"));
}

#[tokio::test]
async fn a_token_belongs_to_its_key() {
    let clients = prepared().await;
    let (one, _) = session(&clients, 60, None).await;
    let (two, _) = session(&clients, 60, None).await;
    let mixed = Key { token: two.token, ..one.clone() };
    let get = s3(&clients.stack, credentials(&mixed)).get_object().bucket("status").key("k").send().await.unwrap_err();
    assert_eq!((get.raw_response().unwrap().status().as_u16(), get.code()), (400, Some("InvalidToken")));
    let bare = Key { token: None, ..one };
    let get = s3(&clients.stack, credentials(&bare)).get_object().bucket("status").key("k").send().await.unwrap_err();
    assert_eq!((get.raw_response().unwrap().status().as_u16(), get.code()), (403, Some("InvalidAccessKeyId")));
    let list = sqs(&clients.stack, credentials(&mixed)).list_queues().send().await.unwrap_err();
    assert_eq!(list.code(), Some("InvalidClientTokenId"));
}

#[tokio::test]
async fn a_session_policy_binds_all_services() {
    let clients = prepared().await;
    let queue = clients.sqs.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
    let (key, _) = session(&clients, 900, Some(READ_STATUS)).await;
    let s3 = s3(&clients.stack, credentials(&key));
    s3.get_object().bucket("status").key("k").send().await.unwrap();
    let put = s3.put_object().bucket("status").key("k").body(ByteStream::from_static(b"x")).send().await.unwrap_err();
    assert_eq!(put.code(), Some("AccessDenied"));
    // A caller who may not list the bucket does not learn that a key is missing.
    let missing = s3.get_object().bucket("status").key("none").send().await.unwrap_err();
    assert_eq!((missing.raw_response().unwrap().status().as_u16(), missing.code()), (403, Some("AccessDenied")));

    let sqs = sqs(&clients.stack, credentials(&key));
    sqs.send_message().queue_url(&queue).message_body("m").send().await.unwrap();
    assert_eq!(sqs.receive_message().queue_url(&queue).send().await.unwrap_err().code(), Some("AccessDenied"));
    let dynamodb = dynamodb(&clients.stack, credentials(&key));
    assert_eq!(dynamodb.list_tables().send().await.unwrap_err().code(), Some("AccessDeniedException"));
}

#[tokio::test]
async fn durations_and_names_are_bounded() {
    let clients = Clients::start().await;
    for seconds in [899, 43_201] {
        let (status, xml) = assume(&clients, &Key::root(), seconds, None).await;
        assert_eq!((status, element(&xml, "Code").as_str()), (400, "ValidationError"));
    }
    let (key, _) = session(&clients, 900, None).await;
    assert_eq!(assume(&clients, &key, 3600, None).await.0, 200);
    assert_eq!(assume(&clients, &key, 3601, None).await.0, 400, "role chaining is capped at an hour");
    assert_eq!(assume(&clients, &Key::root(), 900, Some("{")).await.0, 400);

    let (_, xml) = sts(&clients, &Key::root(), &[("Action", "GetCallerIdentity")]).await;
    assert_eq!(element(&xml, "Arn"), "arn:aws:iam::000000000000:root");
    let (_, xml) = sts(&clients, &key, &[("Action", "GetCallerIdentity")]).await;
    assert_eq!(element(&xml, "Arn"), "arn:aws:sts::000000000000:assumed-role/signer/test");
    let wrong = Key { secret: "guessed".to_owned(), ..Key::root() };
    let (status, xml) = sts(&clients, &wrong, &[("Action", "GetCallerIdentity")]).await;
    assert_eq!((status, element(&xml, "Code").as_str()), (403, "SignatureDoesNotMatch"));
}

#[tokio::test]
async fn a_session_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(directory.path().to_owned()), ..Options::ephemeral() };
    let clients = Clients::with(options()).await;
    let (key, _) = session(&clients, 900, Some(READ_STATUS)).await;
    clients.stack.stop().await;
    let clients = Clients::with(options()).await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    clients.s3.put_object().bucket("status").key("k").body(ByteStream::from_static(b"{}")).send().await.unwrap();
    let s3 = s3(&clients.stack, credentials(&key));
    s3.get_object().bucket("status").key("k").send().await.unwrap();
    let put = s3.put_object().bucket("status").key("k").body(ByteStream::from_static(b"x")).send().await.unwrap_err();
    assert_eq!(put.code(), Some("AccessDenied"), "and so does its policy");
}
