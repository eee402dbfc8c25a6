//! Each finding, of a service that has that fault and no other; and a service that has none.

use std::{collections::BTreeSet, time::Duration};

use offload_domain::{
    fixtures,
    history::{History, StartedTenants, WorkerReport},
    order::{Lease, OrderRecord},
    problem::ends,
    transition::Transition,
    worker_figures::{EndpointFigures, WebhookEnd, WorkerFigures},
};

use super::*;
use crate::{
    admin::snapshot::{Snapshot, Tally},
    readiness::{Dependencies, Dependency},
};
use chrono::TimeDelta;

const RUNBOOK: &str = include_str!("../../../../docs/how-to/runbook.md");

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(9)
}

fn ago(seconds: i64) -> DateTime<Utc> {
    now() - TimeDelta::seconds(seconds)
}

fn report(worker: &str, at: DateTime<Utc>) -> WorkerReport {
    let mut figures = WorkerFigures { version: "1.0.0".to_owned(), ..WorkerFigures::default() };
    figures.completed.add(30.0, at);
    figures.estimated.add(30.0, at);
    figures.before_p90.add(27.0, at);
    WorkerReport {
        worker: worker.to_owned(),
        concurrency: 4,
        finished_3s: 0,
        history: History::default(),
        tenants: StartedTenants::default(),
        figures: Some(figures),
        reported_at: at,
    }
}

/// A service in which nothing is wrong.
fn healthy() -> (Snapshot, Facts<'static>) {
    let stores =
        Dependencies { s3: Dependency::Ok, sqs: Dependency::Ok, dynamodb: Dependency::Ok, clock_offset_seconds: 0.0 };
    let index = Snapshot { as_of: now(), workers: vec![report("w1", ago(2))], ..Snapshot::default() };
    let facts = Facts {
        now: now(),
        version: "1.0.0",
        stores,
        index: Err("not read".to_owned()),
        credentials: SignerCredentials::Until(now() + TimeDelta::minutes(20)),
        link_ttl: Duration::from_secs(900),
        default_deadline: Duration::from_secs(86_400),
    };
    (index, facts)
}

fn judged(change: impl FnOnce(&mut Snapshot, &mut Facts<'_>)) -> Diagnosis {
    let (mut index, mut facts) = healthy();
    change(&mut index, &mut facts);
    index.open_count = Tally { count: index.open.len(), more: false };
    index.failed_count = Tally { count: index.failed.len(), more: false };
    facts.index = Ok(index.into());
    diagnose(&facts)
}

/// The ids and the figures of what is found.
fn found(change: impl FnOnce(&mut Snapshot, &mut Facts<'_>)) -> Vec<(&'static str, String)> {
    judged(change).findings.into_iter().map(|finding| (finding.id, finding.what)).collect()
}

fn waiting(seconds: i64) -> OrderRecord {
    fixtures::record(ago(seconds))
}

/// An order that a worker has, or had, with this lease.
fn running(worker: &str, until: DateTime<Utc>) -> OrderRecord {
    let record = waiting(90);
    let state = record.state.apply(Transition::Start { eta: None, poll_after_ms: None }, ago(80)).unwrap();
    OrderRecord { state, lease: Some(Lease { owner: format!("{worker}/1"), until }), ..record }
}

fn put(orders: &mut std::collections::BTreeMap<offload_domain::id::OrderId, OrderRecord>, record: OrderRecord) {
    orders.insert(record.order.id, record);
}

#[test]
fn nothing_is_found_in_a_service_that_works() {
    let diagnosis = judged(|index, _| {
        put(&mut index.open, waiting(5));
        put(&mut index.open, running("w1", now() + TimeDelta::seconds(30)));
        // It waits for its time, and not for a worker.
        let mut later = waiting(900);
        later.order.not_before = Some(now() + TimeDelta::hours(1));
        put(&mut index.open, later);
    });
    assert_eq!(diagnosis.findings, []);
    assert_eq!((diagnosis.passed.len(), diagnosis.not_checked.len()), (12, 0));
}

#[test]
fn what_cannot_be_known_is_not_checked_and_not_fine() {
    let (_, facts) = healthy();
    let diagnosis = diagnose(&facts);
    assert_eq!(diagnosis.findings, []);
    assert_eq!(
        diagnosis.passed.iter().map(|check| check.id).collect::<Vec<_>>(),
        ["store-fails", "credentials-end", "clock-skew"]
    );
    assert!(diagnosis.not_checked.iter().all(|check| check.why == "not read"));

    let few = judged(|index, _| index.workers[0].figures = Some(WorkerFigures::default()));
    let few: Vec<_> = few.not_checked.iter().map(|check| (check.id, check.why.as_str())).collect();
    assert_eq!(few, [("estimates-wrong", "0 orders ended in the last hour, and 20 are needed")]);

    let renewing = judged(|_, facts| facts.credentials = SignerCredentials::Unknown);
    assert_eq!(renewing.not_checked.iter().map(|check| check.id).collect::<Vec<_>>(), ["credentials-end"]);
}

#[test]
fn each_fault_is_found_with_its_figures_and_no_other() {
    let one = |change: &dyn Fn(&mut Snapshot, &mut Facts<'_>), id: &str, what: &str| {
        let found = found(|index, facts| change(index, facts));
        assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [id], "{found:?}");
        assert!(found[0].1.contains(what), "{found:?}");
    };
    one(&|_, facts| facts.stores.s3 = Dependency::Unavailable, "store-fails", "unavailable: S3");
    one(
        &|index, _| {
            index.workers[0].reported_at = ago(40);
            put(&mut index.open, waiting(200));
            put(&mut index.open, waiting(15));
        },
        "orders-without-workers",
        "2 orders to be worked on, the oldest for 3 min; the last worker that reported was w1, 40 s ago",
    );
    one(
        &|index, _| {
            let mut record = waiting(900);
            record.order.deadline_at = Some(ago(600));
            record.due_at = Some(ago(600));
            put(&mut index.open, record);
        },
        "order-over-deadline",
        "is 10 min over its deadline",
    );
    one(
        &|index, _| put(&mut index.open, OrderRecord { due_at: Some(ago(400)), ..waiting(900) }),
        "sweeper-stopped",
        "1 order due for more than 5 min",
    );
    one(
        &|index, _| put(&mut index.open, running("w0", ago(70))),
        "worker-lost",
        "1 order without a worker; w0 had order",
    );
    one(
        &|index, _| {
            for seconds in [300, 900] {
                let record = waiting(seconds + 10);
                let failed = Transition::Fail { error: ends::attempts_exhausted(3, None) };
                let state = record.state.apply(failed, ago(seconds)).unwrap();
                put(&mut index.failed, OrderRecord { state, ..record });
            }
        },
        "dead-letters-grew",
        "1 order dead-lettered in the last 10 minutes; 2 to be redriven or purged",
    );
    one(
        &|index, _| index.workers[0].figures.as_mut().unwrap().failed.add(10.0, now()),
        "orders-fail",
        "10 of 40 orders that ended in the last 10 minutes failed (25 %)",
    );
    one(
        &|_, facts| facts.credentials = SignerCredentials::Until(now() + TimeDelta::seconds(200)),
        "credentials-end",
        "they end in 3 min, at 00:03:20 UTC; a link should work for 15 min at least",
    );
    one(&|_, facts| facts.credentials = SignerCredentials::Missing, "credentials-end", "there are no credentials");
    one(
        &|index, _| {
            let mut endpoint = EndpointFigures::new("https://shop.example".to_owned(), now());
            endpoint.count(WebhookEnd::GivenUp("answered 500"), None, now());
            endpoint.open_until = Some(now() + TimeDelta::seconds(20));
            index.workers[0].figures.as_mut().unwrap().endpoints.push(endpoint);
        },
        "endpoint-fails",
        "https://shop.example is left alone for now (events dead-lettered in the last hour: 1)",
    );
    one(&|_, facts| facts.stores.clock_offset_seconds = -7.5, "clock-skew", "AWS is 7.5 s behind this machine");
    one(
        &|index, _| index.workers[0].figures.as_mut().unwrap().estimated.add(20.0, now()),
        "estimates-wrong",
        "27 of 50 orders of the last hour ended before that percentile (54 %)",
    );
    one(
        &|index, _| {
            let mut old = report("w2", ago(1));
            old.figures.as_mut().unwrap().version = "0.9.0".to_owned();
            index.workers.push(old);
        },
        "versions-differ",
        "0.9.0: w2; 1.0.0: this server and 1 more",
    );
}

#[test]
fn the_worst_comes_first() {
    let ids: Vec<_> = found(|_, facts| {
        facts.stores.clock_offset_seconds = 60.0;
        facts.version = "2.0.0";
        facts.credentials = SignerCredentials::Missing;
    })
    .into_iter()
    .map(|(id, _)| id)
    .collect();
    assert_eq!(ids, ["credentials-end", "clock-skew", "versions-differ"]);
}

#[test]
fn every_check_has_an_id_of_its_own_and_a_place_in_the_runbook() {
    let mut ids = BTreeSet::new();
    for check in &checks::CHECKS {
        assert!(ids.insert(check.id), "{} is there twice", check.id);
        assert!(check.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", check.id);
        let ends = (
            check.title.ends_with('.'),
            check.holds.ends_with('.'),
            check.why.ends_with('.'),
            check.fix.ends_with('.'),
        );
        assert_eq!(ends, (false, false, true, true), "{}", check.id);
        let headings = RUNBOOK.lines().filter_map(|line| line.strip_prefix("## "));
        let mut anchors = headings.map(|heading| heading.to_lowercase().replace(' ', "-"));
        assert!(anchors.any(|anchor| anchor == check.runbook), "{}: {} is no heading", check.id, check.runbook);
    }
}
