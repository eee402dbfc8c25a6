//! Users with a policy of their own.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use offload_local::Permission;

use crate::clients::{Clients, dynamodb, now, s3, sqs};
use crate::signature::{Key, signed};

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::status/status/*"},
    {"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:orders"},
    {"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::000000000000:role/signer"}]}"#;

async fn assume(clients: &Clients, key: &Key, role: &str) -> u16 {
    let form = format!("Action=AssumeRole&RoleArn=arn:aws:iam::000000000000:role/{role}&RoleSessionName=test");
    let request = signed(&clients.http, &clients.stack.endpoints().sts, "sts", key, now().into(), &form);
    let response = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    response.status().as_u16()
}

#[tokio::test]
async fn a_user_may_do_what_its_policy_allows_and_no_more() {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    let queue = clients.sqs.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
    clients.stack.add_user("api", "secret", POLICY).unwrap();
    let credentials = || Credentials::new("api", "secret", None, None, "test");
    let key = Key { id: "api".to_owned(), secret: "secret".to_owned(), token: None };

    let s3 = s3(&clients.stack, credentials());
    let put = |key: &str| s3.put_object().bucket("status").key(key).body(ByteStream::from_static(b"{}")).send();
    put("status/c4/a.json").await.unwrap();
    put("status/c5/b.json").await.unwrap();
    assert_eq!(put("results/c4/a").await.unwrap_err().code(), Some("AccessDenied"));
    let lifetime = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    for (key, status) in [("status/c4/a.json", 200), ("results/c4/a", 403)] {
        let url = s3.get_object().bucket("status").key(key).presigned(lifetime.clone()).await.unwrap();
        assert_eq!(clients.http.get(url.uri()).send().await.unwrap().status(), status);
    }
    assert!(clients.stack.permissions("api").used.iter().all(|used| used.action != "s3:GetObject"));
    let missing = s3.get_object().bucket("status").key("status/none").send().await.unwrap_err();
    assert_eq!(missing.code(), Some("AccessDenied"), "who may not list does not learn that a key is missing");
    let sqs = sqs(&clients.stack, credentials());
    sqs.send_message().queue_url(&queue).message_body("m").send().await.unwrap();
    assert_eq!(sqs.receive_message().queue_url(&queue).send().await.unwrap_err().code(), Some("AccessDenied"));
    let tables = dynamodb(&clients.stack, credentials()).list_tables().send().await.unwrap_err();
    let message = tables.message().unwrap_or_default().to_owned();
    assert_eq!(tables.code(), Some("AccessDeniedException"));
    assert!(message.contains("user/api") && message.contains("identity-based policy"), "{message}");
    assert_eq!(assume(&clients, &key, "signer").await, 200);
    assert_eq!(assume(&clients, &key, "admin").await, 403);

    let permissions = clients.stack.permissions("api");
    let text = |set: &std::collections::BTreeSet<Permission>| set.iter().map(Permission::to_string).collect::<Vec<_>>();
    let used = [
        "s3:GetObject arn:aws:s3:::status/status/*",
        "s3:PutObject arn:aws:s3:::status/status/*",
        "sqs:SendMessage arn:aws:sqs:us-east-1:000000000000:orders",
        "sts:AssumeRole arn:aws:iam::000000000000:role/signer",
    ];
    let denied = [
        "dynamodb:ListTables *",
        "s3:GetObject arn:aws:s3:::status/results/*",
        "s3:PutObject arn:aws:s3:::status/results/*",
        "sqs:ReceiveMessage arn:aws:sqs:us-east-1:000000000000:orders",
        "sts:AssumeRole arn:aws:iam::000000000000:role/admin",
    ];
    assert_eq!(
        (text(&permissions.used), text(&permissions.denied)),
        (used.map(str::to_owned).into(), denied.map(str::to_owned).into())
    );
}

#[tokio::test]
async fn a_users_key_is_refused_with_another_secret_or_a_token() {
    let clients = Clients::start().await;
    assert!(clients.stack.add_user("api", "secret", "{").is_err());
    clients.stack.add_user("api", "secret", POLICY).unwrap();
    let code = async |credentials: Credentials| {
        let error = sqs(&clients.stack, credentials).list_queues().send().await.unwrap_err();
        error.code().unwrap_or_default().to_owned()
    };
    assert_eq!(code(Credentials::new("api", "guessed", None, None, "test")).await, "SignatureDoesNotMatch");
    let with_token = Credentials::new("api", "secret", Some("token".to_owned()), None, "test");
    assert_eq!(code(with_token).await, "InvalidClientTokenId");
    assert!(clients.stack.permissions("api").denied.is_empty(), "nothing is decided for who is not known");
}
