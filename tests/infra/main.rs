//! Terraform sets up what the code needs: settings, permissions, times, routes. These tests read
//! the HCL and the sources, and need no Terraform.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod cdk;
mod logged_lines;
mod permissions;
mod policies;
mod readme;
mod settings_list;

use std::collections::BTreeSet;

use hcl::Expression;
use offload_service::settings::{ALL, Kept, Setting};

use offload_tests::terraform::{self, attribute, blocks, local, module, object, text_of, texts_of};

/// `OFFLOAD_` variables that an expression sets, in whatever it is put together from; the ARN of a
/// secret for the secret.
fn variables(expression: &Expression) -> BTreeSet<String> {
    let text = hcl::format::to_string(expression).unwrap();
    let set = regex::Regex::new(r#"(OFFLOAD_[A-Z0-9_]+)"?\s*="#).unwrap();
    let by_arn = |variable: &str| ALL.iter().find(|s| s.secret && s.variable_of(Kept::Arn) == variable);
    let name = |variable: &str| by_arn(variable).map_or_else(|| variable.to_owned(), Setting::variable);
    set.captures_iter(&text).map(|c| name(&c[1])).collect()
}

fn known(settings: &[Setting]) -> BTreeSet<String> {
    settings.iter().map(Setting::variable).collect()
}

fn required(settings: &[Setting]) -> BTreeSet<String> {
    settings.iter().filter(|s| s.required).map(Setting::variable).collect()
}

#[test]
fn functions_get_the_settings_that_they_need_and_no_unknown_ones() {
    let api = module("api");
    let function = blocks(&api, "resource", "aws_lambda_function").remove(0);
    let environment = function.body.blocks().find(|b| b.identifier() == "environment").unwrap();
    let mut of_api = variables(attribute(&environment.body, "variables"));
    of_api.extend(variables(local(&api, "push_environment")));
    let root = terraform::folder("");
    let of_channels = |locals: &[&str]| -> BTreeSet<String> {
        ["channel_settings", "webhook_rules"].iter().chain(locals).flat_map(|l| variables(local(&root, l))).collect()
    };
    of_api.extend(of_channels(&["api_channel_settings"]));

    let worker = module("worker");
    let mut of_worker: BTreeSet<String> =
        ["environment", "push_environment"].iter().flat_map(|l| variables(local(&worker, l))).collect();
    of_worker.extend(of_channels(&["notifier_channel_settings"]));

    // In Lambda: a function does not learn when its credentials end.
    let in_lambda = ["OFFLOAD_SIGNER_ROLE_ARN".to_owned()];
    for (name, set, settings) in
        [("api", of_api, offload_api::program::settings()), ("worker", of_worker, offload_worker::program::settings())]
    {
        let known = known(&settings);
        assert!(set.is_subset(&known), "{name}: unknown settings {:?}", set.difference(&known).collect::<Vec<_>>());
        for needed in required(&settings).iter().chain(&in_lambda) {
            assert!(set.contains(needed), "{name}: {needed} is not set");
        }
        if name == "api" {
            assert!(set.contains("OFFLOAD_PUBLIC_URL"), "{name}: a function has no address that links could name");
        } else {
            assert!(
                set.contains("OFFLOAD_DEAD_LETTER_QUEUE_URL"),
                "{name}: it could not distinguish dead letters from orders"
            );
        }
    }
    assert!(known(&ALL).contains("OFFLOAD_BUCKET"));
}

#[test]
fn functions_that_do_no_work_have_no_settings_of_the_work() {
    let worker = module("worker");
    let without_work = hcl::format::to_string(local(&worker, "without_work")).unwrap();
    for entry in offload_worker::processor::PROCESSORS {
        for setting in entry.settings {
            let name = setting.variable();
            assert!(without_work.contains(&format!("\"{name}\"")), "{name} would be that of the notifier too");
        }
    }
    assert!(
        without_work.contains("\"none\"") && offload_worker::processor::PROCESSORS.iter().any(|e| e.name == "none")
    );
}

#[test]
fn a_message_stays_invisible_for_six_times_the_functions_timeout() {
    let root = terraform::folder("");
    let local = root.blocks().filter(|b| b.identifier() == "locals").find_map(|l| {
        l.body.attributes().find(|a| a.key() == "visibility_seconds").map(|a| hcl::format::to_string(a.expr()).unwrap())
    });
    assert_eq!(local.unwrap(), "var.worker_runtime == \"lambda\" ? 6 * var.worker_timeout_seconds : 30");
    let worker = module("worker");
    let functions = worker.blocks().filter(|b| b.identifier() == "locals").find_map(|l| {
        l.body.attributes().find(|a| a.key() == "functions").map(|a| hcl::format::to_string(a.expr()).unwrap())
    });
    let functions = functions.unwrap();
    assert!(functions.contains("var.timeout_seconds"), "the worker's timeout is the variable: {functions}");
    for mapping in blocks(&worker, "resource", "aws_lambda_event_source_mapping") {
        let types = hcl::format::to_string(attribute(&mapping.body, "function_response_types")).unwrap();
        assert!(types.contains("ReportBatchItemFailures"), "one poison record would redeliver its whole batch");
    }
    // The function behind the dead-letter queue has thirty seconds, and the queue the same
    // visibility timeout.
    let queue = module("queue");
    for q in blocks(&queue, "resource", "aws_sqs_queue") {
        assert_eq!(
            hcl::format::to_string(attribute(&q.body, "visibility_timeout_seconds")).unwrap(),
            "var.visibility_seconds"
        );
    }
}

/// Routes of the OpenAPI document that a function does not serve. Every other one must be a route
/// of the HTTP API: one that is forgotten would be refused by API Gateway.
const OF_SERVERS: [(&str, &str); 11] = [
    ("GET /metrics", "Prometheus scrapes a server; a function has the metrics of CloudWatch"),
    ("GET /order/{id}/events", "a stream: a function keeps no connections"),
    ("GET /admin/events", "a stream too"),
    ("GET /ws", "API Gateway holds WebSockets, by the WebSocket API"),
    ("GET /admin/session", "functions have no console"),
    ("POST /admin/session", "functions have no console"),
    ("DELETE /admin/session", "functions have no console"),
    ("GET /admin/cost", "a page of the console, without which functions are built"),
    ("GET /admin/doctor", "a page of the console; `offload doctor` checks functions"),
    ("POST /admin/deliveries/test", "a form of the console; `offload webhooks test` does the same"),
    ("GET /admin/deliveries/test/{id}", "what came of it"),
];

#[test]
fn the_http_api_routes_what_a_function_serves() {
    let document: serde_json::Value = serde_json::from_str(include_str!("../../openapi/openapi.json")).unwrap();
    let (mut of_callers, mut of_everybody) = (BTreeSet::new(), BTreeSet::new());
    let mut of_servers: BTreeSet<&str> = OF_SERVERS.iter().map(|(route, _)| *route).collect();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let route = format!("{} {path}", method.to_uppercase());
            if of_servers.remove(route.as_str()) {
                continue;
            }
            // An authorizer would refuse who has an order's token alone.
            let ways: Vec<_> = operation["security"].as_array().into_iter().flatten().collect();
            let opens = |way: &str| ways.iter().any(|ways| ways.get(way).is_some());
            let whose = if opens("caller") && !opens("order_token") { &mut of_callers } else { &mut of_everybody };
            whose.insert(route);
        }
    }
    assert!(of_servers.is_empty(), "these are no routes any more: {of_servers:?}");
    let api = module("api");
    let routed = |who: &str| -> BTreeSet<String> {
        let routes = texts_of(object(local(&api, "routes"), who));
        let all = routes.len();
        let routes: BTreeSet<String> = routes.into_iter().collect();
        assert_eq!(routes.len(), all, "{who}: a route is there twice");
        routes
    };
    let (preflights, everybody): (BTreeSet<String>, BTreeSet<String>) =
        routed("everybody").into_iter().partition(|route| route.starts_with("OPTIONS "));
    assert_eq!(routed("callers"), of_callers, "those for whom an authorizer is asked");
    assert_eq!(everybody, of_everybody, "those for whom none is");
    // Browsers send a preflight before they call them.
    let called: BTreeSet<String> =
        ["/order", "/orders", "/order/{id}", "/group/{id}"].map(|path| format!("OPTIONS {path}")).into();
    assert_eq!(preflights, called);
}

#[test]
fn the_websocket_api_has_its_routes_and_a_default() {
    let push = module("push");
    let routes: BTreeSet<String> = hcl::format::to_string(&push).unwrap().split('"').map(str::to_owned).collect();
    for route in ["$connect", "$disconnect", "$default", "subscribe"] {
        assert!(routes.contains(route), "{route}");
    }
    let api = blocks(&push, "resource", "aws_apigatewayv2_api").remove(0);
    assert!(
        hcl::format::to_string(attribute(&api.body, "route_selection_expression"))
            .unwrap()
            .contains("request.body.action")
    );
}

#[test]
fn the_table_has_the_keys_and_the_index_of_the_code() {
    let table = module("order_table");
    let table = blocks(&table, "resource", "aws_dynamodb_table").remove(0);
    let source = include_str!("../../shared/stores/src/item.rs");
    let constant = |name: &str| {
        let pattern = regex::Regex::new(&format!("const {name}: &str = \"([^\"]+)\"")).unwrap();
        pattern.captures(source).unwrap_or_else(|| panic!("no {name} in item.rs"))[1].to_owned()
    };
    let text = |body: &hcl::Body, key: &str| text_of(attribute(body, key));
    assert_eq!((text(&table.body, "hash_key"), text(&table.body, "range_key")), (constant("PK"), constant("SK")));
    let inner = |name: &str| table.body.blocks().find(|b| b.identifier() == name).unwrap();
    let (index, ttl) = (inner("global_secondary_index"), inner("ttl"));
    assert_eq!(text(&index.body, "name"), constant("DUE"));
    assert_eq!((text(&index.body, "hash_key"), text(&index.body, "range_key")), (constant("DUE"), constant("DUE_AT")));
    assert_eq!(text(&ttl.body, "attribute_name"), constant("TTL"));
}
