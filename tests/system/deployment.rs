//! A worker warns, as it starts, of a queue or a table that is not as it needs it.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
};

use offload_service::settings::catalogue as c;
use offload_tests::{RawTable, Role, Setup, System, eventually, program};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// A worker whose log is kept.
struct Worker {
    process: Child,
    log: NamedTempFile,
}

impl Worker {
    fn start(variables: Vec<(String, String)>) -> Self {
        let log = NamedTempFile::new().unwrap();
        let mut command = Command::new(program("offload-worker"));
        command.env_clear().envs(variables).stdin(Stdio::null()).stderr(File::create(log.path()).unwrap());
        Self { process: command.spawn().unwrap(), log }
    }

    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.log.path()).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// What it warned of, once there are so many warnings.
    async fn warnings(&self, count: usize) -> Vec<(String, String)> {
        let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        eventually("it warns", async || {
            let lines = self.lines();
            let found = lines.iter().filter(|line| line["attribute"].is_string());
            let mut found: Vec<_> = found.map(|line| (text(line, "resource"), text(line, "attribute"))).collect();
            found.sort();
            (found.len() >= count).then_some(found)
        })
        .await
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn system() -> System {
    Setup { workers: 0, apis: 0, ..Setup::default() }.start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attribute_that_is_wrong_is_named_in_a_line_of_its_own() {
    let system = system().await;
    // A table without its index, in which nothing expires.
    let (hash, range) =
        (json!({"AttributeName": "pk", "KeyType": "HASH"}), json!({"AttributeName": "sk", "KeyType": "RANGE"}));
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let create = json!({"TableName": "bare", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [hash, range],
        "AttributeDefinitions": [attribute("pk"), attribute("sk")]});
    RawTable::orders(&system).call("CreateTable", &create).await.unwrap();
    let mut variables = system.variables();
    variables.retain(|(name, _)| *name != c::DEAD_LETTER_QUEUE_URL.variable());
    variables.push((c::TABLE.variable(), "bare".to_owned()));
    // The queue keeps messages for fourteen days.
    variables.push((c::DEFAULT_DEADLINE_SECONDS.variable(), "1209601".to_owned()));
    let warnings = Worker::start(variables).warnings(2 + 2 * system.stores.order_queues.lanes().count()).await;
    let expected = [
        ("bare", "GlobalSecondaryIndexes"),
        ("bare", "TimeToLive"),
        ("orders", "MessageRetentionPeriod"),
        ("orders", "RedrivePolicy"),
        ("orders-high", "MessageRetentionPeriod"),
        ("orders-high", "RedrivePolicy"),
        ("orders-low", "MessageRetentionPeriod"),
        ("orders-low", "RedrivePolicy"),
        ("orders-quiet", "MessageRetentionPeriod"),
        ("orders-quiet", "RedrivePolicy"),
    ];
    assert_eq!(warnings, expected.map(|(resource, attribute)| (resource.to_owned(), attribute.to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_up_as_it_should_be_is_not_warned_of() {
    let system = system().await;
    let needs = offload_stores::Needs {
        default_deadline: std::time::Duration::from_secs(604_800),
        dead_letter_queue: Some("orders-dead"),
        lease: Some(std::time::Duration::from_secs(30)),
    };
    let checked = system.stores.check_deployment(needs).await;
    assert!(checked.findings.is_empty() && checked.unchecked.is_empty(), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_check_works_all_the_same() {
    let system = Setup { workers: 0, apis: 0, lanes: false, ..Setup::default() }.start().await;
    let actions = ["sqs:ReceiveMessage", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"];
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    system.stack.add_user("other", "secret-of-other", &policy).unwrap();
    let mut variables = system.variables_of(Role::Container);
    let keys = [("AWS_ACCESS_KEY_ID", "other"), ("AWS_SECRET_ACCESS_KEY", "secret-of-other")];
    variables.extend(keys.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let worker = Worker::start(variables);
    eventually("it says what it could not check, and works", async || {
        let lines = worker.lines();
        let with = |text: &str| lines.iter().filter(|line| line["message"].as_str().unwrap().contains(text)).count();
        (with("may not check") == 3 && with("worker started") == 1).then_some(())
    })
    .await;
    assert!(worker.lines().iter().all(|line| line["attribute"].is_null()), "{:?}", worker.lines());
}
