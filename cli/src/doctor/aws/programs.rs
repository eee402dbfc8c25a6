//! Functions, containers, and what calls them.

use serde_json::{Value, json};

use super::{
    call::{CLOUDWATCH, Caller, ECS, GATEWAY, LAMBDA, PAGES_MAX, encoded},
    stores::queue_arn,
    xml,
};
use crate::doctor::{
    facts::{Alarm, Domain, EventSource, Fact, Host, Program, Provisioned, Stage, unknown},
    plan::container_environment,
};

/// The functions and services whose variables name the bucket.
pub(super) async fn programs(caller: &Caller, bucket: &str) -> Fact<Vec<Program>> {
    let mut programs = functions(caller, bucket).await?;
    programs.extend(services(caller, bucket).await?);
    Ok(programs)
}

fn is_ours(program: &Program, bucket: &str) -> bool {
    program.variable("OFFLOAD_BUCKET") == Ok(Some(bucket))
}

async fn functions(caller: &Caller, bucket: &str) -> Fact<Vec<Program>> {
    let (mut programs, mut marker) = (Vec::new(), String::new());
    for _ in 0..PAGES_MAX {
        let page = caller.rest(LAMBDA, "ListFunctions", &format!("/2015-03-31/functions/{marker}")).await?;
        let functions = page["Functions"].as_array().into_iter().flatten();
        programs.extend(functions.map(function).filter(|p| is_ours(p, bucket)));
        match page["NextMarker"].as_str() {
            Some(next) => marker = format!("?Marker={}", encoded(next)),
            None => return Ok(programs),
        }
    }
    unknown("the account has more functions than are listed")
}

fn function(function: &Value) -> Program {
    let variables = function["Environment"]["Variables"].as_object().into_iter().flatten();
    let name = function["FunctionName"].as_str().unwrap_or_default().to_owned();
    Program {
        label: format!("function {name}"),
        name,
        host: Host::Function { timeout_seconds: Ok(function["Timeout"].as_u64().unwrap_or(3)) },
        environment: Ok(variables.filter_map(|(n, v)| Some((n.clone(), Ok(v.as_str()?.to_owned())))).collect()),
        role: Ok(last(&function["Role"])),
    }
}

fn last(arn: &Value) -> String {
    arn.as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned()
}

/// The services of up to a hundred clusters.
async fn services(caller: &Caller, bucket: &str) -> Fact<Vec<Program>> {
    let ask = async |operation: &str, body: Value| {
        caller.json(ECS, &format!("AmazonEC2ContainerServiceV20141113.{operation}"), &body).await
    };
    let mut programs = Vec::new();
    let clusters = ask("ListClusters", json!({"maxResults": 100})).await?;
    for cluster in clusters["clusterArns"].as_array().into_iter().flatten() {
        let services = ask("ListServices", json!({"cluster": cluster, "maxResults": 10})).await?;
        if services["serviceArns"].as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        let described =
            ask("DescribeServices", json!({"cluster": cluster, "services": services["serviceArns"]})).await?;
        for service in described["services"].as_array().into_iter().flatten() {
            let task = ask("DescribeTaskDefinition", json!({"taskDefinition": service["taskDefinition"]})).await?;
            let task = &task["taskDefinition"];
            let name = service["serviceName"].as_str().unwrap_or_default().to_owned();
            let program = Program {
                label: format!("service {name}"),
                name,
                host: Host::Containers { count: Ok(service["desiredCount"].as_u64().unwrap_or(0)) },
                environment: Ok(container_environment(&task["containerDefinitions"])),
                role: Ok(last(&task["taskRoleArn"])),
            };
            programs.extend(Some(program).filter(|p| is_ours(p, bucket)));
        }
    }
    Ok(programs)
}

/// What feeds functions from these queues.
pub(super) async fn sources(caller: &Caller, urls: &[String]) -> Fact<Vec<EventSource>> {
    let mut sources = Vec::new();
    for url in urls {
        let arn = queue_arn(caller, url).await?;
        let path = format!("/2015-03-31/event-source-mappings/?EventSourceArn={}", encoded(&arn));
        let page = caller.rest(LAMBDA, "ListEventSourceMappings", &path).await?;
        for source in page["EventSourceMappings"].as_array().into_iter().flatten() {
            let name = url.rsplit('/').next().unwrap_or(url).to_owned();
            let function = source["FunctionArn"].as_str().unwrap_or_default();
            let function = function.split(":function:").nth(1).and_then(|f| f.split(':').next()).unwrap_or_default();
            let types = source["FunctionResponseTypes"].as_array();
            sources.push(EventSource {
                label: format!("event source of {function} on {name}"),
                queue: Ok(name),
                function: Ok(function.to_owned()),
                enabled: Ok(!matches!(source["State"].as_str(), Some("Disabled" | "Disabling" | "Deleting"))),
                reports_failures: Ok(types.is_some_and(|t| t.iter().any(|t| t == "ReportBatchItemFailures"))),
            });
        }
    }
    Ok(sources)
}

/// What is kept ready of functions. Whether it is used is what was counted of it in two weeks.
pub(super) async fn provisioned(caller: &Caller, programs: &[Program], now: i64) -> Fact<Vec<Provisioned>> {
    let mut found = Vec::new();
    for program in programs.iter().filter(|p| matches!(p.host, Host::Function { .. })) {
        let path = format!("/2019-09-30/functions/{}/provisioned-concurrency?List=ALL", encoded(&program.name));
        let page = caller.rest(LAMBDA, "ListProvisionedConcurrencyConfigs", &path).await?;
        for config in page["ProvisionedConcurrencyConfigs"].as_array().into_iter().flatten() {
            let arn = config["FunctionArn"].as_str().unwrap_or_default();
            let qualifier = arn.rsplit(':').next().unwrap_or_default();
            found.push(Provisioned {
                label: format!("provisioned concurrency of {}:{qualifier}", program.name),
                used: is_used(caller, &program.name, qualifier, now).await,
            });
        }
    }
    Ok(found)
}

async fn is_used(caller: &Caller, function: &str, qualifier: &str, now: i64) -> Fact<bool> {
    let time = |at: i64| chrono::DateTime::from_timestamp(at, 0).unwrap_or_default().to_rfc3339();
    let resource = format!("{function}:{qualifier}");
    let form = [
        ("Namespace", "AWS/Lambda"),
        ("MetricName", "ProvisionedConcurrencyInvocations"),
        ("Dimensions.member.1.Name", "FunctionName"),
        ("Dimensions.member.1.Value", function),
        ("Dimensions.member.2.Name", "Resource"),
        ("Dimensions.member.2.Value", &resource),
        ("StartTime", &time(now - 14 * 86_400)),
        ("EndTime", &time(now)),
        ("Period", "86400"),
        ("Statistics.member.1", "Sum"),
    ];
    let answer = caller.query(CLOUDWATCH, "GetMetricStatistics", &form).await?;
    let sums = xml::read(&answer, |root| xml::texts(root, "Sum"))?;
    Ok(sums.iter().any(|sum| sum.parse::<f64>().is_ok_and(|sum| sum > 0.0)))
}

/// The host of a URL in a variable of any program.
fn host(programs: &[Program], variable: &str) -> Option<String> {
    let url = programs.iter().find_map(|p| p.variable(variable).ok().flatten())?;
    url::Url::parse(url).ok()?.host_str().map(str::to_owned)
}

/// The stages of the WebSocket API whose connections programs post to.
pub(super) async fn stages(caller: &Caller, programs: &[Program]) -> Fact<Vec<Stage>> {
    let Some(host) = host(programs, "OFFLOAD_MANAGEMENT_URL") else { return Ok(Vec::new()) };
    let id = host.split('.').next().unwrap_or_default();
    let page = caller.rest(GATEWAY, "GetStages", &format!("/v2/apis/{}/stages", encoded(id))).await?;
    let stages = [&page["items"], &page["Items"]].into_iter().find_map(Value::as_array);
    let stage = |stage: &Value| Stage {
        label: format!("stage {} of the WebSocket API {id}", stage["stageName"].as_str().unwrap_or_default()),
        rate: Ok(stage["defaultRouteSettings"]["throttlingRateLimit"].as_f64().filter(|rate| *rate > 0.0)),
    };
    Ok(stages.into_iter().flatten().map(stage).collect())
}

/// The domains by which clients reach the APIs, where API Gateway has them.
pub(super) async fn domains(caller: &Caller, programs: &[Program]) -> Fact<Vec<Domain>> {
    let hosts = ["OFFLOAD_PUBLIC_URL", "OFFLOAD_WEBSOCKET_URL"].into_iter().filter_map(|v| host(programs, v));
    let mut domains = Vec::new();
    for host in hosts.filter(|host| !host.contains(".execute-api.")) {
        let domain = caller.rest(GATEWAY, "GetDomainName", &format!("/v2/domainnames/{}", encoded(&host))).await?;
        for configuration in domain["domainNameConfigurations"].as_array().into_iter().flatten() {
            let policy = configuration["securityPolicy"].as_str().unwrap_or_default().to_owned();
            domains.push(Domain { label: format!("domain {host}"), security_policy: Ok(policy) });
        }
    }
    Ok(domains)
}

/// All alarms of the account, by what they are about.
pub(super) async fn alarms(caller: &Caller) -> Fact<Vec<Alarm>> {
    let (mut alarms, mut token) = (Vec::new(), None::<String>);
    for _ in 0..PAGES_MAX {
        let form: Vec<(&str, &str)> = token.iter().map(|t| ("NextToken", t.as_str())).collect();
        let form = [&[("MaxRecords", "100")], &form[..]].concat();
        let answer = caller.query(CLOUDWATCH, "DescribeAlarms", &form).await?;
        let (found, next) = xml::read(&answer, |root| {
            let metric_alarms = xml::all(root, "MetricAlarms").next();
            let members =
                metric_alarms.into_iter().flat_map(|alarms| alarms.children().filter(roxmltree::Node::is_element));
            let about = members.map(|alarm| {
                let dimensions = xml::all(alarm, "Dimensions").flat_map(|d| xml::texts(d, "Value"));
                Alarm { about: Ok(dimensions.collect()) }
            });
            (about.collect::<Vec<_>>(), xml::text(root, "NextToken").map(str::to_owned))
        })?;
        alarms.extend(found);
        token = next.filter(|next| !next.is_empty());
        if token.is_none() {
            return Ok(alarms);
        }
    }
    unknown("the account has more alarms than are listed")
}
