//! The template for SAM, which is made of the construct of the CDK, has the permissions, settings
//! and routes of the Terraform. `just aws` compares all of it with what Terraform makes, and needs
//! a mirror of the provider for it; these tests need none.

use std::collections::{BTreeMap, BTreeSet};

use offload_service::settings::Setting;
use offload_tests::{
    Names, Role,
    terraform::{blocks, local, module, object, texts_of},
};
use serde_json::Value;

use crate::{required, variables};

/// Settings of the work, which the template has as parameters.
const OF_THE_WORK: [&str; 2] = ["OFFLOAD_COMMAND", "OFFLOAD_HTTP_URL"];

/// What only the events of the table's stream need.
const OF_STREAM: [&str; 3] = ["ReadStream", "ListStreams", "NameWhatTheStreamLost"];

struct Template {
    parameters: BTreeMap<String, Value>,
    resources: BTreeMap<String, Value>,
}

impl Template {
    fn read() -> Self {
        let template: Value = serde_json::from_str(include_str!("../../deploy/sam/template.json")).unwrap();
        let members = |name: &str| serde_json::from_value(template[name].clone()).unwrap();
        Self { parameters: members("Parameters"), resources: members("Resources") }
    }

    fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.resources.values().filter(move |r| r["Type"] == kind).map(|r| &r["Properties"])
    }

    fn named<'a>(&'a self, kind: &'a str, key: &str, name: &str) -> &'a Value {
        self.of_type(kind).find(|p| self.text(&p[key]) == name).unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    /// A value with its intrinsic functions applied.
    fn text(&self, value: &Value) -> String {
        if let Some(text) = value.as_str() {
            return text.to_owned();
        }
        if let Some(parts) = value["Fn::Join"][1].as_array() {
            return parts.iter().map(|part| self.text(part)).collect();
        }
        match value["Ref"].as_str() {
            Some("AWS::Partition") => return "aws".to_owned(),
            Some("AWS::AccountId") => return "000000000000".to_owned(),
            Some("AWS::Region") => return "us-east-1".to_owned(),
            Some(id) => {
                let default = self.parameters.get(id).and_then(|parameter| parameter["Default"].as_str());
                return default.unwrap_or(id).to_owned();
            }
            None => {}
        }
        let id = value["Fn::GetAtt"][0].as_str().unwrap_or_else(|| panic!("no text: {value}"));
        let resource = &self.resources[id];
        let name = |key: &str| self.text(&resource["Properties"][key]);
        match resource["Type"].as_str().unwrap() {
            "AWS::SQS::Queue" => format!("arn:aws:sqs:us-east-1:000000000000:{}", name("QueueName")),
            "AWS::DynamoDB::Table" => format!("arn:aws:dynamodb:us-east-1:000000000000:table/{}", name("TableName")),
            "AWS::S3::Bucket" => format!("arn:aws:s3:::{}", name("BucketName")),
            other => panic!("no ARN of {other}"),
        }
    }

    /// Every action with every resource that a function's role allows it on, but for its log and
    /// the secret that the template makes.
    fn granted(&self, name: &str) -> BTreeSet<(String, String)> {
        let role = self.named("AWS::IAM::Role", "RoleName", name);
        let statements = role["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap();
        let pairs =
            statements.iter().filter(|s| s["Sid"] != "Log" && s["Sid"] != "ReadSecretsmanager").flat_map(|statement| {
                assert_eq!(statement["Effect"], "Allow");
                let resources = list(&statement["Resource"]);
                let on_each = |action: &Value| {
                    let action = self.text(action);
                    resources.iter().map(|r| (action.clone(), like_terraform(&self.text(r)))).collect::<Vec<_>>()
                };
                list(&statement["Action"]).iter().flat_map(on_each).collect::<Vec<_>>()
            });
        pairs.collect()
    }

    fn environment(&self, name: &str) -> BTreeSet<String> {
        let function = self.named("AWS::Lambda::Function", "FunctionName", name);
        let names = function["Environment"]["Variables"].as_object().unwrap().keys();
        names.map(|name| secret_of(name).unwrap_or(name).to_owned()).collect()
    }
}

/// The secret that a variable has the ARN of.
fn secret_of(name: &str) -> Option<&str> {
    name.strip_suffix("_ARN").filter(|secret| secret.ends_with("_SECRET"))
}

/// A list, or the one that it is written as where it has one.
fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// The ARNs that the tests of the Terraform have in place of those that only a deployment has.
fn like_terraform(arn: &str) -> String {
    match arn {
        _ if arn.contains(":execute-api:") => "connections".to_owned(),
        _ if arn.ends_with(":role/offload-signer") || arn.ends_with(":role/signer") => "signer".to_owned(),
        other => other.to_owned(),
    }
}

fn names() -> Names {
    Names {
        region: "us-east-1".to_owned(),
        bucket: "offload-000000000000".to_owned(),
        table: "offload-orders".to_owned(),
        queue: "offload-orders".to_owned(),
        priority_queues: Vec::new(),
        quiet_queue: None,
        dead_letter_queue: "offload-orders-dead".to_owned(),
        notifications_queue: "offload-notifications".to_owned(),
        notifications_dead_letter_queue: "offload-notifications-dead".to_owned(),
        webhooks_queue: "offload-webhooks".to_owned(),
        webhook_retries_queue: "offload-webhook-retries".to_owned(),
    }
}

#[test]
fn each_function_of_the_cdk_may_do_what_terraform_allows() {
    let template = Template::read();
    for role in Role::OF_FUNCTIONS {
        let statements = role.statements(&names()).into_iter().filter(|s| !OF_STREAM.contains(&s.sid.as_str()));
        let by_terraform: BTreeSet<(String, String)> = statements
            .flat_map(|s| {
                let on_each = |action: &String| {
                    s.resources.iter().map(|r| (action.clone(), like_terraform(r))).collect::<Vec<_>>()
                };
                s.actions.iter().flat_map(on_each).collect::<Vec<_>>()
            })
            .collect();
        let by_cdk = template.granted(&format!("offload-{}", role.name().replace('_', "-")));
        assert_eq!(by_cdk, by_terraform, "{role:?}");
    }
}

#[test]
fn each_function_of_the_cdk_has_the_settings_of_terraform() {
    let template = Template::read();
    let check = |name: &str, by_terraform: &BTreeSet<String>, settings: &[Setting]| {
        let by_cdk = template.environment(name);
        let missing: Vec<_> = by_terraform.difference(&by_cdk).collect();
        let more: Vec<_> = by_cdk
            .difference(by_terraform)
            .filter(|v| name != "offload-worker" || !OF_THE_WORK.contains(&v.as_str()))
            .collect();
        assert!(missing.is_empty() && more.is_empty(), "{name}: without {missing:?}, and beyond it {more:?}");
        let needed = required(settings);
        assert!(needed.is_subset(&by_cdk), "{name}: {:?}", needed.difference(&by_cdk).collect::<Vec<_>>());
    };
    let api = module("api");
    let function = blocks(&api, "resource", "aws_lambda_function").remove(0);
    let environment = function.body.blocks().find(|b| b.identifier() == "environment").unwrap();
    let mut of_api = variables(offload_tests::terraform::attribute(&environment.body, "variables"));
    of_api.extend(variables(local(&api, "push_environment")));
    check("offload-api", &of_api, &offload_api::program::settings());
    let worker = module("worker");
    let of_worker: BTreeSet<String> =
        ["environment", "push_environment"].iter().flat_map(|l| variables(local(&worker, l))).collect();
    for name in ["worker", "dead-letters", "sweeper", "notifier"] {
        check(&format!("offload-{name}"), &of_worker, &offload_worker::program::settings());
    }
}

#[test]
fn both_apis_of_the_cdk_have_the_routes_of_terraform() {
    let template = Template::read();
    let by_cdk: BTreeSet<String> =
        template.of_type("AWS::ApiGatewayV2::Route").map(|r| r["RouteKey"].as_str().unwrap().to_owned()).collect();
    let api = module("api");
    let of = |who: &str| texts_of(object(local(&api, "routes"), who));
    let mut by_terraform: BTreeSet<String> = ["callers", "everybody"].into_iter().flat_map(of).collect();
    let push = module("push");
    let hcl::Expression::Object(connections) = local(&push, "routes") else { panic!("routes are an object") };
    by_terraform.extend(connections.keys().map(|key| key.to_string().trim_matches('"').to_owned()));
    assert_eq!(by_cdk, by_terraform);
}
