//! The roles allow what the service does on the embedded stack, and no more.
//!
//! What a role lacks is noticed by the system tests: every part runs with the permissions of its
//! role, and a call without its permission is denied. What a role has in vain is noticed here, by
//! what the system tests recorded.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use offload_tests::{Names, Role};

/// What Lambda does with a function's role to feed it from a queue.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
const EVENT_SOURCE: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

/// The same for a table's stream.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html>
const STREAM_SOURCE: [&str; 4] =
    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

/// What the notifier asks of services that the embedded stack does not have.
const OTHER_SERVICES: [&str; 1] = ["execute-api:ManageConnections"];

fn names() -> Names {
    Names {
        region: "us-east-1".to_owned(),
        bucket: "status".to_owned(),
        table: "orders".to_owned(),
        queue: "orders".to_owned(),
        priority_queues: ["orders-high", "orders-low"].map(str::to_owned).into(),
        quiet_queue: Some("orders-quiet".to_owned()),
        dead_letter_queue: "orders-dead".to_owned(),
        notifications_queue: "orders-notifications".to_owned(),
        notifications_dead_letter_queue: "orders-notifications-dead".to_owned(),
        webhooks_queue: "orders-webhooks".to_owned(),
        webhook_retries_queue: "orders-webhook-retries".to_owned(),
    }
}

/// Every action with every resource that a role allows it on.
fn granted(role: Role) -> BTreeSet<(String, String)> {
    let pairs = role.statements(&names()).into_iter().flat_map(|statement| {
        let on_each = move |action: String| statement.resources.clone().into_iter().map(move |r| (action.clone(), r));
        statement.actions.into_iter().flat_map(on_each)
    });
    pairs.collect()
}

/// What Lambda does with the role, or a service that the embedded stack does not have.
fn elsewhere(role: Role, action: &str, resource: &str) -> bool {
    let fed_by_a_queue = [Role::Worker, Role::DeadLetters, Role::Notifier].contains(&role);
    let notifier =
        [&OTHER_SERVICES[..], &STREAM_SOURCE[..]].concat().contains(&action) || resource.ends_with(":stream-failures");
    (fed_by_a_queue && EVENT_SOURCE.contains(&action)) || (role == Role::Notifier && notifier)
}

#[test]
fn no_role_allows_an_action_by_a_wildcard() {
    for role in Role::OF_FUNCTIONS {
        let granted = granted(role);
        assert!(granted.len() >= 4, "{role:?}: {granted:?} cannot be all");
        assert!(granted.iter().all(|(action, _)| !action.contains('*')), "{role:?}: {granted:?}");
    }
}

#[test]
fn functions_that_lambda_feeds_allow_what_it_needs() {
    for role in [Role::Worker, Role::DeadLetters, Role::Notifier] {
        let actions: BTreeSet<String> = granted(role).into_iter().map(|(action, _)| action).collect();
        let streams = if role == Role::Notifier { &STREAM_SOURCE[..] } else { &[] };
        for needed in EVENT_SOURCE.iter().chain(streams) {
            assert!(actions.contains(*needed), "{role:?} lacks {needed}");
        }
    }
}

#[test]
#[ignore = "needs what the system tests recorded: `just test`"]
fn every_permission_of_a_role_is_used() {
    let folder = PathBuf::from(std::env::var_os("PERMISSIONS_USED").expect("the folder of the records"));
    let used = recorded(&folder);
    assert!(!used.is_empty(), "{} holds no records", folder.display());
    let mut unused = Vec::new();
    for role in Role::OF_FUNCTIONS {
        for (action, resource) in granted(role) {
            let is_used = used.contains(&(role.name().to_owned(), action.clone(), resource.clone()));
            if !is_used && !elsewhere(role, &action, &resource) {
                unused.push(format!("{} {action} {resource}", role.name()));
            }
        }
    }
    assert!(unused.is_empty(), "granted and never used:\n{}", unused.join("\n"));
}

/// Role, action and resource of every record.
fn recorded(folder: &Path) -> BTreeSet<(String, String, String)> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let mut used = BTreeSet::new();
    for file in files {
        for line in file.lines() {
            let [role, action, resource] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            used.insert((role.to_owned(), action.to_owned(), resource.to_owned()));
        }
    }
    used
}
