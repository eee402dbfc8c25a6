//! The clients of a simulation: they submit, submit again, poll and cancel; an operator redrives.

use std::{sync::Arc, time::Duration};

use offload_lifecycle::redrive::redrive;
use offload_stores::Stores;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{
    dice::Dice,
    ledger::{Ledger, Work, WorkEnd},
    network::{Network, Response},
};

/// The machine of the clients and the operator.
pub(super) const HOST: &str = "clients";

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a client with a key submits, until it is accepted.
const SUBMISSIONS: usize = 60;

/// What one client does.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    name: String,
    begins_ms: u64,
    keyed: bool,
    /// Submitted to both api servers at the same time.
    twice: bool,
    options: Value,
    cancelled_after_ms: Option<u64>,
    /// Redriven once, if it fails.
    redriven: bool,
}

impl Plan {
    /// The plan of a client that begins within `span_ms`, and the work of its order.
    pub(super) fn of(number: usize, span_ms: u64, dice: &mut Dice) -> (Self, Work) {
        let mut options = json!({});
        let delay = dice.chance(0.2).then(|| dice.between(1, 8));
        if let Some(delay) = delay {
            options["delay_seconds"] = delay.into();
        }
        if dice.chance(0.2) {
            options["deadline_seconds"] = (delay.unwrap_or(0) + dice.between(2, 20)).into();
        }
        let keyed = dice.chance(0.6);
        let plan = Self {
            name: format!("order-{number}"),
            begins_ms: dice.between(0, span_ms),
            keyed,
            twice: keyed && dice.chance(0.4),
            options,
            cancelled_after_ms: dice.chance(0.25).then(|| dice.between(0, 6_000)),
            redriven: dice.chance(0.5),
        };
        let end = match dice.between(0, 9) {
            0 => WorkEnd::Fails,
            1 => WorkEnd::PanicsAtFirst,
            2 | 3 => WorkEnd::FailsAtFirst(u32::try_from(dice.between(1, 3)).unwrap_or(1)),
            _ => WorkEnd::Succeeds,
        };
        let takes_ms = if dice.chance(0.5) { dice.between(1_000, 12_000) } else { dice.between(0, 1_000) };
        let result_bytes = if dice.chance(0.4) { 9 * 1024 } else { 10 };
        let reports = dice.chance(0.5);
        (plan, Work { takes_ms, reports, result_bytes, end })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// A client.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) network: Network,
    pub(super) ledger: Arc<Ledger>,
    pub(super) stores: Stores,
}

impl Client {
    /// Does what the plan says, until the order has ended.
    pub(super) async fn run(self, plan: Plan) {
        sleep(Duration::from_millis(plan.begins_ms)).await;
        let receipt = if plan.twice {
            let (first, second) = tokio::join!(self.submit(&plan, "api-1"), self.submit(&plan, "api-2"));
            first.or(second)
        } else {
            self.submit(&plan, if plan.begins_ms.is_multiple_of(2) { "api-1" } else { "api-2" }).await
        };
        if let Some(receipt) = receipt {
            tokio::join!(self.poll(&plan, &receipt), self.cancel(&plan, &receipt));
        }
        self.ledger.entries().clients -= 1;
    }

    async fn submit(&self, plan: &Plan, api: &str) -> Option<Value> {
        let order = json!({
            "kind": "fulfilment", "items": [{"sku": "A-1", "quantity": 1}],
            "customer_ref": plan.name, "options": plan.options,
        });
        for _ in 0..if plan.keyed { SUBMISSIONS } else { 1 } {
            let mut request =
                http::Request::post(format!("http://{api}/order")).header("content-type", "application/json");
            if plan.keyed {
                request = request.header("idempotency-key", &plan.name);
            }
            let Some((status, answer)) = self.call(request, order.to_string()).await else {
                sleep(Duration::from_millis(500)).await;
                continue;
            };
            match status {
                202 => {
                    let id = answer["id"].as_str().unwrap_or_default().to_owned();
                    self.ledger.entries().accepted.entry(plan.name.clone()).or_default().insert(id);
                    return Some(answer);
                }
                503 if answer["detail"].as_str().is_some_and(|d| d.contains("taken back")) => {
                    self.ledger.entries().taken_back.insert(plan.name.clone());
                }
                409 | 429 | 500 | 503 => {}
                _ => self.violation(&plan.name, &format!("submitted, and answered with {status}: {answer}")),
            }
            sleep(Duration::from_secs(1)).await;
        }
        None
    }

    /// Polls until the end; an operator may redrive the order then, once.
    async fn poll(&self, plan: &Plan, receipt: &Value) {
        let mut last = Value::Null;
        loop {
            let url = receipt["status_url"].as_str().unwrap_or_default();
            match self.call(http::Request::get(url), String::new()).await {
                Some((200, object)) => {
                    self.check(plan, &last, &object);
                    last = object;
                }
                Some((403, _)) => self.violation(&plan.name, "the URL of its status does not work"),
                _ => {}
            }
            if last["done"] == true {
                if plan.redriven
                    && last["status"] == "failed"
                    && let Some(Ok(id)) = receipt["id"].as_str().map(str::parse)
                {
                    // Best effort, as an operator's is.
                    drop(redrive(&self.stores, id).await);
                }
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// A client sees no status go back, and no final one change.
    fn check(&self, plan: &Plan, last: &Value, object: &Value) {
        let rank = |v: &Value| (v["generation"].as_u64(), v["revision"].as_u64());
        if rank(object) < rank(last) {
            self.violation(&plan.name, &format!("polled and went back: {last}, then {object}"));
        }
    }

    async fn cancel(&self, plan: &Plan, receipt: &Value) {
        let Some(after) = plan.cancelled_after_ms else { return };
        sleep(Duration::from_millis(after)).await;
        let text = |name: &str| receipt[name].as_str().unwrap_or_default();
        let request = http::Request::delete(format!("http://api-2/order/{}", text("id")))
            .header("authorization", format!("Bearer {}", text("order_token")));
        drop(self.call(request, String::new()).await);
    }

    /// The status and the JSON of an answer, if there is one in time.
    async fn call(&self, request: http::request::Builder, body: String) -> Option<(u16, Value)> {
        let request = request.body(body.into_bytes()).ok()?;
        let answer: Response = timeout(PATIENCE, self.network.send(HOST, request)).await.ok()?.ok()?;
        Some((answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or_default()))
    }

    fn violation(&self, name: &str, what: &str) {
        self.ledger.entries().violations.push(format!("{name}: {what}"));
    }
}
