//! Functions and containers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::resource::{Plan, Resource, after_apply};
use crate::doctor::facts::{Fact, Host, Program, Provisioned, Unknown};

pub(super) fn programs(plan: &Plan<'_>) -> Vec<Program> {
    let functions = plan.of_kind("aws_lambda_function").map(|f| function(plan, f));
    functions.chain(plan.of_kind("aws_ecs_service").map(|s| service(plan, s))).collect()
}

/// The name in an ARN or a name of a function, without its version or alias.
pub(super) fn function_name(name: &str) -> String {
    let name = name.split_once(":function:").map_or(name, |(_, name)| name);
    name.split(':').next().unwrap_or(name).to_owned()
}

fn function(plan: &Plan<'_>, function: &Resource<'_>) -> Program {
    Program {
        label: function.address.to_owned(),
        name: function.name_by("function_name"),
        host: Host::Function { timeout_seconds: function.number("timeout", 3) },
        environment: environment(function),
        role: role(plan, function, "role"),
    }
}

fn environment(function: &Resource<'_>) -> Fact<BTreeMap<String, Fact<String>>> {
    let variables = function.value(&["environment", "0", "variables"])?;
    let unknown = &function.unknown_of("environment")[0]["variables"];
    let known = variables.as_object().into_iter().flatten();
    let known = known.filter_map(|(name, value)| Some((name.clone(), Ok(value.as_str()?.to_owned()))));
    let mut all: BTreeMap<_, Fact<String>> = known.collect();
    for (name, is_unknown) in unknown.as_object().into_iter().flatten() {
        if *is_unknown == Value::Bool(true) {
            all.insert(name.clone(), Err(after_apply(name)));
        }
    }
    Ok(all)
}

/// The name of the role in an attribute.
fn role(plan: &Plan<'_>, program: &Resource<'_>, attribute: &str) -> Fact<String> {
    match program.text(attribute) {
        Ok(arn) => Ok(arn.unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned()),
        Err(why) => plan.referred(program, attribute, "aws_iam_role").map(|role| role.name_by("name")).ok_or(why),
    }
}

fn service(plan: &Plan<'_>, service: &Resource<'_>) -> Program {
    let family = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).split(':').next().unwrap_or_default().to_owned();
    let task = match service.text("task_definition") {
        Ok(arn) => {
            let family = family(arn.unwrap_or_default());
            plan.of_kind("aws_ecs_task_definition").find(|t| t.text("family") == Ok(Some(&family)))
        }
        Err(_) => plan.referred(service, "task_definition", "aws_ecs_task_definition"),
    };
    let unread = || Unknown(format!("the task definition of {} was not read", service.address));
    Program {
        label: service.address.to_owned(),
        name: service.name_by("name"),
        host: Host::Containers { count: service.number("desired_count", 0) },
        environment: task.ok_or_else(unread).and_then(task_environment),
        role: task.ok_or_else(unread).and_then(|task| role(plan, task, "task_role_arn")),
    }
}

fn task_environment(task: &Resource<'_>) -> Fact<BTreeMap<String, Fact<String>>> {
    let text = task.text("container_definitions")?.unwrap_or("[]");
    let containers: Value = serde_json::from_str(text)
        .map_err(|_| Unknown(format!("container_definitions of {} cannot be read", task.address)))?;
    Ok(container_environment(&containers))
}

/// The variables of all containers of a task.
pub(in crate::doctor) fn container_environment(containers: &Value) -> BTreeMap<String, Fact<String>> {
    let variables = containers.as_array().into_iter().flatten().flat_map(|c| c["environment"].as_array());
    let pair = |v: &Value| Some((v["name"].as_str()?.to_owned(), Ok(v["value"].as_str()?.to_owned())));
    variables.flatten().filter_map(pair).collect()
}

pub(super) fn provisioned(plan: &Plan<'_>) -> Vec<Provisioned> {
    let used = |config: &Resource<'_>| -> Fact<bool> {
        let aliases = || plan.of_kind("aws_lambda_alias");
        match config.text("qualifier") {
            // A version by its number is called by nobody where an alias is.
            Ok(qualifier) => Ok(aliases().any(|a| a.text("name") == Ok(qualifier))),
            Err(why) => {
                let of_version = |r: &str| r.starts_with("aws_lambda_function.") && r.ends_with(".version");
                if config.references("qualifier").any(of_version) { Ok(false) } else { Err(why) }
            }
        }
    };
    let all = plan.of_kind("aws_lambda_provisioned_concurrency_config");
    all.map(|config| Provisioned { label: config.address.to_owned(), used: used(config) }).collect()
}
