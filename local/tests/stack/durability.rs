//! What survives a restart, and `kill -9`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use offload_local::{DataError, Endpoints, Options, Stack, StartError};

use crate::clients::{self, Clients};

const DIRECTORY: &str = "OFFLOAD_LOCAL_TEST_DATA";

fn in_directory(path: &Path) -> Options {
    Options { data: Some(path.to_owned()), ..Options::ephemeral() }
}

/// Not a test: the process that the test below kills.
#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn serve_until_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let stack = Stack::start(in_directory(Path::new(&directory))).await.unwrap();
    let Endpoints { s3, sqs, dynamodb, .. } = stack.endpoints();
    println!("\nready {s3} {sqs} {dynamodb}");
    std::future::pending::<()>().await;
}

/// A stack in another process.
struct Served {
    process: Child,
    endpoints: Endpoints,
}

impl Served {
    fn start(directory: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["durability::serve_until_killed", "--exact", "--ignored", "--nocapture"])
            .env(DIRECTORY, directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.map(Result::unwrap).find(|line| line.starts_with("ready ")).expect("the other process serves");
        let urls: Vec<_> = line.split(' ').skip(1).map(str::to_owned).collect();
        let [s3, sqs, dynamodb] = urls.try_into().unwrap();
        Self { process, endpoints: Endpoints { sts: s3.clone(), s3, sqs, dynamodb } }
    }

    fn kill(mut self) {
        // SIGKILL, on Unix.
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test]
async fn everything_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let served = Served::start(directory.path());
    let credentials = Credentials::new("local", "local-secret", None, None, "test");
    let s3 = clients::s3_at(&served.endpoints.s3, credentials.clone());
    let sqs = clients::sqs_at(&served.endpoints.sqs, credentials.clone());
    let dynamodb = clients::dynamodb_at(&served.endpoints.dynamodb, credentials);

    s3.create_bucket().bucket("status").send().await.unwrap();
    let rule = CorsRule::builder().allowed_origins("*").allowed_methods("GET").build().unwrap();
    let cors = CorsConfiguration::builder().cors_rules(rule).build().unwrap();
    s3.put_bucket_cors().bucket("status").cors_configuration(cors).send().await.unwrap();
    let queue = sqs.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
    let pk =
        AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S).build().unwrap();
    let create =
        dynamodb.create_table().table_name("orders").billing_mode(BillingMode::PayPerRequest).attribute_definitions(pk);
    let hash = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap();
    create.key_schema(hash).send().await.unwrap();
    for number in 0..100 {
        let key = number.to_string();
        s3.put_object()
            .bucket("status")
            .key(&key)
            .body(ByteStream::from(key.clone().into_bytes()))
            .send()
            .await
            .unwrap();
        sqs.send_message().queue_url(&queue).message_body(&key).send().await.unwrap();
        dynamodb.put_item().table_name("orders").item("pk", AttributeValue::S(key)).send().await.unwrap();
    }
    let held = sqs.receive_message().queue_url(&queue).send().await.unwrap();
    let handle = held.messages()[0].receipt_handle().unwrap();
    served.kill();

    let clients = Clients::with(in_directory(directory.path())).await;
    let listed = clients.s3.list_objects_v2().bucket("status").send().await.unwrap();
    assert_eq!(listed.key_count(), Some(100));
    let last = clients.s3.get_object().bucket("status").key("99").send().await.unwrap();
    assert_eq!(last.body.collect().await.unwrap().into_bytes(), &b"99"[..]);
    assert_eq!(clients.s3.get_bucket_cors().bucket("status").send().await.unwrap().cors_rules().len(), 1);
    assert_eq!(clients.dynamodb.scan().table_name("orders").send().await.unwrap().count(), 100);
    // The queue's old URL names another port, but the same queue; the receipt is still valid, the
    // message still invisible.
    clients.sqs.delete_message().queue_url(&queue).receipt_handle(handle).send().await.unwrap();
    let mut left = 0;
    loop {
        let received = clients.sqs.receive_message().queue_url(&queue).max_number_of_messages(10).send().await.unwrap();
        if received.messages().is_empty() {
            break;
        }
        left += received.messages().len();
    }
    assert_eq!(left, 99);
}

#[tokio::test]
async fn a_directory_serves_one_stack_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let stack = Stack::start(in_directory(directory.path())).await.unwrap();
    let error = Stack::start(in_directory(directory.path())).await.unwrap_err();
    assert!(matches!(error, StartError::Data(DataError::InUse(_))), "{error}");
    stack.stop().await;
    Stack::start(in_directory(directory.path())).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_directory_of_a_newer_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    Stack::start(in_directory(directory.path())).await.unwrap().stop().await;
    let database = rusqlite::Connection::open(directory.path().join("stack.sqlite")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let error = Stack::start(in_directory(directory.path())).await.unwrap_err();
    assert!(matches!(error, StartError::Data(DataError::Newer { found: 99, .. })), "{error}");
    assert!(error.to_string().contains("newer version"), "{error}");
}
