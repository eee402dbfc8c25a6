//! `GET /admin/cost`: what a deployment costs in a month, and what its clients' polls would cost
//! elsewhere: `offload cost`, with the service times of this one's workers.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Extension, Json, extract::State, http::Uri};
use offload_cost::{Bill, Channel, PriceList, Progress, Runtime, Scenario};
use offload_domain::{caller::Role, eta::ServiceTimes, history::Fleet};
use offload_service::clock;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use crate::{caller::identity::Identity, response::error::ApiError, route::problems::problems, service::Service};

/// The region of the prices, unless the query has one.
const REGION: &str = "eu-west-1";

/// The query, as the OpenAPI document has it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the query is read by `wanted`, which says what is wrong with a member")]
struct CostQuery {
    /// Orders a month; 1,000,000 if it is left out.
    #[param(minimum = 1, maximum = 1_000_000_000_000_f64)]
    orders: Option<f64>,
    /// Polls an order of a client that polls by an interval; 10 if it is left out.
    #[param(minimum = 1, maximum = 1_000_000)]
    polls: Option<f64>,
    /// Mean seconds of work; as the workers measured it if it is left out, or 2.
    #[param(minimum = 0.001, maximum = 604_800)]
    run_seconds: Option<f64>,
    /// Its standard deviation over its mean; as measured, or 0.5.
    #[param(minimum = 0, maximum = 10)]
    variation: Option<f64>,
    /// Bytes of a status object; 1,024 if it is left out.
    #[param(minimum = 1, maximum = 10_240)]
    status_bytes: Option<f64>,
    /// Bytes of an order's payload; 100 if it is left out.
    #[param(minimum = 2, maximum = 262_144)]
    payload_bytes: Option<f64>,
    /// Bytes of a result that is an object of its own; 0 if it is left out.
    #[param(minimum = 0, maximum = 1_000_000_000_000_f64)]
    result_bytes: Option<f64>,
    /// Days that objects and rows are kept; 30 if it is left out.
    #[param(minimum = 1, maximum = 3_650)]
    retention_days: Option<f64>,
    /// Whether orders come with idempotency keys; true if it is left out.
    keyed: Option<bool>,
    /// How much progress is written; some if it is left out.
    #[param(inline)]
    progress: Option<CostProgress>,
    /// Where the work is done; in functions if it is left out.
    #[param(inline)]
    runtime: Option<CostRuntime>,
    /// Orders that a function or a task works on at once, on average; 1 if it is left out.
    #[param(minimum = 0.01, maximum = 1_000)]
    at_once: Option<f64>,
    /// How clients learn of the end, separated by commas; poll if it is left out.
    #[param(pattern = "^(poll|websocket|sse|webhook)(,(poll|websocket|sse|webhook)){0,3}$")]
    channels: Option<String>,
    /// The region of the prices; eu-west-1 if it is left out.
    #[param(inline)]
    region: Option<CostRegion>,
}

/// The words of [`Progress`].
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a description")]
enum CostProgress {
    Off,
    Some,
    Live,
}

/// The words of [`Runtime`].
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a description")]
enum CostRuntime {
    Lambda,
    Fargate,
}

/// The regions of the built-in prices.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description")]
enum CostRegion {
    #[schema(rename = "eu-west-1")]
    EuWest1,
    #[schema(rename = "us-east-1")]
    UsEast1,
}

problems!(
    Problems: InvalidQuery, CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable, NotFound,
    StorageUnavailable, Overloaded, TooManyRequests,
);

/// Price a deployment
///
/// A month by AWS's list prices, line by line, beside what polling an API would cost: what `offload
/// cost --json` prints. For the role `admin`, of a server; functions do not have it. Only where
/// callers are known or the console is on.
#[utoipa::path(
    get,
    path = "/admin/cost",
    tag = "operations",
    operation_id = "getCost",
    security(("caller" = []), ("console" = [])),
    params(CostQuery),
    responses((status = 200, description = "The bill, as `offload cost --json` prints it", body = Object), Problems)
)]
pub(crate) async fn cost(
    State(service): State<Arc<Service>>,
    Extension(identity): Extension<Identity>,
    uri: Uri,
) -> Result<Json<Bill>, ApiError> {
    identity.operator(&service, Role::Admin)?;
    let reports = service.stores.orders.worker_reports().await?;
    let times = ServiceTimes::from(&Fleet::merge(&reports, clock::now()).history);
    let (scenario, region) = wanted(uri.query().unwrap_or_default(), measured(&times))?;
    let prices = PriceList::built_in().of(&region, None).map_err(|e| ApiError::InvalidQueryMember(e.to_string()))?;
    Ok(Json(Bill::of(scenario, &prices, None)))
}

/// A million orders of work that takes as long as it takes here.
fn measured(times: &ServiceTimes) -> Scenario {
    let scenario = Scenario { keyed: true, ..Scenario::default() };
    if times.count == 0 {
        return scenario;
    }
    // To the millisecond, and to a hundredth: for people.
    let rounded = |value: f64, to: f64| (value * to).round() / to;
    Scenario {
        run_seconds: rounded(times.mean, 1_000.0).clamp(0.001, 604_800.0),
        variation: rounded(times.cv2.max(0.0).sqrt(), 100.0).min(10.0),
        ..scenario
    }
}

/// Reads the query over what holds without it: the scenario, and the region of the prices.
fn wanted(query: &str, mut scenario: Scenario) -> Result<(Scenario, String), ApiError> {
    let (mut region, mut seen) = (REGION.to_owned(), BTreeSet::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let wrong = |what: &str| ApiError::InvalidQueryMember(format!("{name} must be {what}"));
        let number = || value.parse::<f64>().map_err(|_| wrong("a number"));
        match &*name {
            "orders" => scenario.orders = number()?,
            "polls" => scenario.polls = number()?,
            "run_seconds" => scenario.run_seconds = number()?,
            "variation" => scenario.variation = number()?,
            "status_bytes" => scenario.status_bytes = number()?,
            "payload_bytes" => scenario.payload_bytes = number()?,
            "result_bytes" => scenario.result_bytes = number()?,
            "retention_days" => scenario.retention_days = number()?,
            "at_once" => scenario.at_once = number()?,
            "keyed" => scenario.keyed = value.parse().map_err(|_| wrong("true or false"))?,
            "progress" => {
                scenario.progress = match &*value {
                    "off" => Progress::Off,
                    "some" => Progress::Some,
                    "live" => Progress::Live,
                    _ => return Err(wrong("off, some or live")),
                }
            }
            "runtime" => {
                scenario.runtime = match &*value {
                    "lambda" => Runtime::Lambda,
                    "fargate" => Runtime::Fargate,
                    _ => return Err(wrong("lambda or fargate")),
                }
            }
            "channels" => {
                scenario.channels = channels(&value)
                    .ok_or_else(|| wrong("one or several of poll, websocket, sse and webhook, separated by commas"))?;
            }
            "region" => region = value.into_owned(),
            // As in every other query.
            _ => continue,
        }
        if !seen.insert(name) {
            return Err(ApiError::InvalidQuery);
        }
    }
    let bounded = scenario.check();
    bounded.map_err(|e| ApiError::InvalidQueryMember(e.to_string().replacen('-', "_", 1)))?;
    Ok((scenario, region))
}

fn channels(words: &str) -> Option<Vec<Channel>> {
    let mut channels = Vec::new();
    for word in words.split(',') {
        let channel = match word {
            "poll" => Channel::Poll,
            "websocket" => Channel::Websocket,
            "sse" => Channel::Sse,
            "webhook" => Channel::Webhook,
            _ => return None,
        };
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    Some(channels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_as_the_workers_measured_it() {
        let times = ServiceTimes { count: 9, ..ServiceTimes::log_normal(3.0004, 0.25) };
        let (scenario, region) = wanted("orders=1e9&channels=sse,poll,sse&colour=red", measured(&times)).unwrap();
        assert_eq!((scenario.orders, scenario.run_seconds, scenario.variation), (1e9, 3.0, 0.5));
        assert_eq!((scenario.channels, &*region), (vec![Channel::Sse, Channel::Poll], "eu-west-1"));
        let unknown = measured(&ServiceTimes::configured(1.0));
        assert_eq!(unknown, Scenario { keyed: true, ..Scenario::default() });
    }

    #[test]
    fn a_member_that_is_wrong_is_named() {
        for (query, why) in [
            ("orders=many", "orders must be a number"),
            ("orders=0", "orders is 1 to 1000000000000, not 0"),
            ("run_seconds=NaN", "run_seconds is 0.001 to 604800, not NaN"),
            ("keyed=yes", "keyed must be true or false"),
            ("channels=poll,", "channels must be one or several of poll"),
            ("progress=all", "progress must be off, some or live"),
        ] {
            let Err(ApiError::InvalidQueryMember(found)) = wanted(query, Scenario::default()) else {
                panic!("{query}")
            };
            assert!(found.starts_with(why), "{found}");
        }
        assert!(matches!(wanted("orders=1&orders=1", Scenario::default()), Err(ApiError::InvalidQuery)));
    }
}
