//! The checks, in the order in which they are listed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    history::{REPORT_TTL, WorkerReport},
    minutes::{MINUTES, Minutes, sum},
    order::OrderRecord,
    problem::ends,
    status::Status,
    worker_figures::WorkerFigures,
};

use super::{Check, Facts, Judgement, Severity, SignerCredentials};
use crate::admin::snapshot::Snapshot;

/// An order that waits for less may be on its way to a worker.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(10);
/// A sweep may come so much later than an order's deadline.
const SWEEP_DELAY: TimeDelta = TimeDelta::minutes(2);
/// An order that is due for so long was not swept.
const NOT_SWEPT: TimeDelta = TimeDelta::minutes(5);
/// Minutes over which ends are judged.
const LATELY: usize = 10;
/// Fewer ends say little.
const ENDS_MIN: f64 = 20.0;
/// More than this share of failures are many.
const FAILED_SHARE: f64 = 0.2;
/// The share of orders that should end before the 90th percentile is 0.9; less than this is far
/// off.
const BEFORE_P90_MIN: f64 = 0.7;
/// A clock that is off by less needs nobody.
const CLOCK_OFF: f64 = 5.0;
/// Endpoints that are named.
const NAMED_MAX: usize = 3;

pub(super) const CHECKS: [Check; 12] = [
    Check {
        id: "store-fails",
        severity: Severity::Error,
        title: "A store does not answer, or refuses",
        holds: "S3, SQS and DynamoDB answer, and take what is written",
        why: "Orders are refused with 503, and what was accepted is not worked on.",
        fix: "Search the log for `not ready`: it names the call and the reason. Denied is a role without a permission; \
              otherwise wait for AWS.",
        runbook: "a-store-fails",
        judge: stores,
    },
    Check {
        id: "orders-without-workers",
        severity: Severity::Error,
        title: "Orders wait, and nobody works on them",
        holds: "Workers report, or no order waits for one",
        why: "Orders are accepted with 202, and wait until their deadline ends them.",
        fix: "Start `offload-worker`, or read its log: it says why it stopped. Of functions, turn on the event source \
              of the queue.",
        runbook: "orders-wait-and-no-worker-reports",
        judge: without_workers,
    },
    Check {
        id: "order-over-deadline",
        severity: Severity::Error,
        title: "An order is over its deadline, and nothing has ended it",
        holds: "No order is over its deadline",
        why: "Its client was promised an end by then, and polls on.",
        fix: "A sweeper ends such orders. See that workers run, or the sweeper's function, and that the index `due` \
              exists.",
        runbook: "the-sweeper-has-stopped",
        judge: over_deadline,
    },
    Check {
        id: "sweeper-stopped",
        severity: Severity::Warning,
        title: "Orders that are due are not swept",
        holds: "Orders that are due are swept",
        why: "An order whose message was lost stays where it is, and deadlines of waiting orders are not kept.",
        fix: "Search the workers' logs for `cannot sweep`. The index `due` must exist, and the role needs \
              `dynamodb:Query` on it.",
        runbook: "the-sweeper-has-stopped",
        judge: sweeps,
    },
    Check {
        id: "worker-lost",
        severity: Severity::Warning,
        title: "Orders run whose worker is gone",
        holds: "Each order that runs has a worker",
        why: "Their leases are over, so that another worker may take them; until one does they make no progress.",
        fix: "See that the other workers have free permits, and find out why the worker went: out of memory, or ended \
              without SIGTERM.",
        runbook: "orders-take-too-long",
        judge: lost_workers,
    },
    Check {
        id: "dead-letters-grew",
        severity: Severity::Warning,
        title: "Orders were dead-lettered",
        holds: "No order was dead-lettered in the last ten minutes",
        why: "They failed at every attempt. They stay failed until somebody redrives them.",
        fix: "Read the reason on the page of one of them, repair its cause, and redrive them all.",
        runbook: "orders-are-dead-lettered",
        judge: dead_letters,
    },
    Check {
        id: "orders-fail",
        severity: Severity::Warning,
        title: "Many orders fail",
        holds: "At most a fifth of the orders that ended lately failed",
        why: "Clients get failures where they should get results.",
        fix: "Compare with the last deployment of the processor, and group the failed orders by their reason.",
        runbook: "many-orders-fail",
        judge: failures,
    },
    Check {
        id: "credentials-end",
        severity: Severity::Error,
        title: "The signer's credentials end, and are not renewed",
        holds: "The signer's credentials are renewed in time, or have no end",
        why: "A link works no longer than the credentials that signed it: clients get 400 ExpiredToken.",
        fix: "Search the log for `sts.AssumeRole` or the container's credentials, and check the role of \
              `OFFLOAD_SIGNER_ROLE_ARN`. A session should be of an hour.",
        runbook: "urls-end-too-soon",
        judge: credentials,
    },
    Check {
        id: "endpoint-fails",
        severity: Severity::Warning,
        title: "Endpoints do not take their events",
        holds: "Every endpoint takes its events",
        why: "Clients that wait for a webhook do not learn of the end. What is dead-lettered is not sent again by itself.",
        fix: "See what the endpoint answers on the page Deliveries, ask who runs it, and replay what was dead-lettered.",
        runbook: "notifications-do-not-arrive",
        judge: endpoints,
    },
    Check {
        id: "clock-skew",
        severity: Severity::Warning,
        title: "This server's clock is wrong",
        holds: "This server's clock is right",
        why: "The service goes by the time of AWS; other programs of this machine do not, and logs have the wrong time.",
        fix: "Run NTP (chrony, systemd-timesyncd) on this machine.",
        runbook: "a-clock-is-wrong",
        judge: clock,
    },
    Check {
        id: "estimates-wrong",
        severity: Severity::Note,
        title: "Orders take longer than they are estimated to",
        holds: "About nine of ten orders end before the 90th percentile of their estimate",
        why: "Clients poll too early, which costs requests, and people wait longer than they were promised.",
        fix: "After a change that made the work slower it passes within some hundred orders. Without a history \
              `OFFLOAD_EXPECTED_JOB_SECONDS` is used: set it.",
        runbook: "estimates-are-wrong",
        judge: estimates,
    },
    Check {
        id: "versions-differ",
        severity: Severity::Note,
        title: "Programs of several versions run",
        holds: "This server and the workers are of one version",
        why: "During a deployment that is right. Otherwise a deployment stopped half way.",
        fix: "Let the deployment end, or replace what is older.",
        runbook: "a-program-does-not-answer",
        judge: versions,
    },
];

fn stores(facts: &Facts<'_>) -> Judgement {
    let failing = facts.failing_stores();
    Ok((!failing.is_empty()).then(|| format!("unavailable: {}", failing.join(" and "))))
}

fn without_workers(facts: &Facts<'_>) -> Judgement {
    let index = facts.index.clone()?;
    let ready = |record: &OrderRecord| {
        let since = record.order.not_before.unwrap_or(record.order.created_at).max(record.order.created_at);
        Some(facts.now - since).filter(|wait| *wait >= ON_ITS_WAY)
    };
    let waits: Vec<TimeDelta> = index.of(Status::Pending).filter_map(ready).collect();
    let Some(longest) = waits.iter().max().filter(|_| !has_workers(&index, facts.now)) else { return Ok(None) };
    let last = index.workers.iter().max_by_key(|report| report.reported_at);
    let seen = match last {
        Some(report) => {
            format!("the last worker that reported was {}, {} ago", report.worker, ago(facts, report.reported_at))
        }
        None => "no worker has ever reported".to_owned(),
    };
    let or_more = if index.has_all_open() { "" } else { " or more" };
    Ok(Some(format!("{}{or_more} to be worked on, the oldest for {}; {seen}", orders(waits.len()), span(*longest))))
}

/// Whether somebody works: a function does not report while it does.
fn has_workers(index: &Snapshot, now: DateTime<Utc>) -> bool {
    let leased = |record: &OrderRecord| record.lease.as_ref().is_some_and(|lease| lease.until > now);
    alive(index, now).next().is_some() || index.open.values().any(leased)
}

fn over_deadline(facts: &Facts<'_>) -> Judgement {
    let index = facts.index.clone()?;
    let late = late_orders(&index, facts);
    let Some((by, record)) = late.iter().max_by_key(|(by, _)| *by) else { return Ok(None) };
    let others = match late.len() - 1 {
        0 => String::new(),
        n => format!("; so are {n} more of the {} that were read", index.open.len()),
    };
    Ok(Some(format!("order {} is {} over its deadline{others}", record.order.id, span(*by))))
}

/// Orders that should have been ended, and by how much they are late.
fn late_orders<'a>(index: &'a Snapshot, facts: &Facts<'_>) -> Vec<(TimeDelta, &'a OrderRecord)> {
    let open = index.open.values().filter(|record| !record.state.status.is_final());
    let late = open.map(|record| (facts.now - record.deadline(facts.default_deadline), record));
    late.filter(|(by, _)| *by > SWEEP_DELAY).collect()
}

fn sweeps(facts: &Facts<'_>) -> Judgement {
    let index = facts.index.clone()?;
    if without_workers(facts)?.is_some() {
        return Err("nobody works on orders, and workers sweep".to_owned());
    }
    let late: BTreeSet<_> = late_orders(&index, facts).iter().map(|(_, record)| record.order.id).collect();
    let due = index.open.values().filter(|record| !late.contains(&record.order.id));
    let due = due.filter_map(|record| Some((facts.now - record.due_at?, record.order.id)));
    let due: Vec<_> = due.filter(|(by, _)| *by > NOT_SWEPT).collect();
    let Some((by, id)) = due.iter().max() else { return Ok(None) };
    Ok(Some(format!("{} due for more than {}; order {id} for {}", orders(due.len()), span(NOT_SWEPT), span(*by))))
}

fn lost_workers(facts: &Facts<'_>) -> Judgement {
    let index = facts.index.clone()?;
    let over = |record: &OrderRecord| {
        let lease = record.lease.as_ref()?;
        Some((facts.now - lease.until, record.order.id, record.worker()?.to_owned()))
            .filter(|(by, ..)| *by > TimeDelta::zero())
    };
    let lost: Vec<_> = index.without_worker().filter_map(over).collect();
    let Some((by, id, worker)) = lost.iter().max() else { return Ok(None) };
    Ok(Some(format!(
        "{} without a worker; {worker} had order {id}, and its lease ended {} ago",
        orders(lost.len()),
        span(*by)
    )))
}

fn dead_letters(facts: &Facts<'_>) -> Judgement {
    let index = facts.index.clone()?;
    let since = facts.now - TimeDelta::minutes(LATELY as i64);
    let lately = |record: &&OrderRecord| {
        let is_dead = record.state.error.as_ref().is_some_and(ends::is_dead);
        is_dead && record.state.finished_at.is_some_and(|at| at >= since)
    };
    let new = index.failed.values().filter(lately).count();
    let all = index.dead();
    let or_more = if all.more { " or more" } else { "" };
    Ok((new > 0).then(|| {
        format!(
            "{} dead-lettered in the last {LATELY} minutes; {}{or_more} to be redriven or purged",
            orders(new),
            all.count
        )
    }))
}

fn failures(facts: &Facts<'_>) -> Judgement {
    let index = facts.index.clone()?;
    let lately = |of: fn(&WorkerFigures) -> &Minutes| total(&index, of, facts.now, LATELY);
    let failed = lately(|figures| &figures.failed);
    let ended = failed + lately(|figures| &figures.completed) + lately(|figures| &figures.cancelled);
    if failed > 0.0 && ended < ENDS_MIN {
        return Err(too_few(ended, &format!("{LATELY} minutes")));
    }
    let share = failed / ended.max(1.0);
    Ok((share > FAILED_SHARE).then(|| {
        format!("{failed} of {ended} orders that ended in the last {LATELY} minutes failed ({:.0} %)", 100.0 * share)
    }))
}

fn credentials(facts: &Facts<'_>) -> Judgement {
    match facts.credentials {
        SignerCredentials::Missing => Ok(Some("there are no credentials to sign links with".to_owned())),
        SignerCredentials::Unknown => Err("they are being renewed, and that takes long".to_owned()),
        known => Ok(known.overdue_end(facts.now).map(|end| {
            let left = (end - facts.now).max(TimeDelta::zero());
            let link = TimeDelta::from_std(facts.link_ttl).unwrap_or(TimeDelta::MAX);
            let end = end.format("%H:%M:%S");
            format!("they end in {}, at {end} UTC; a link should work for {} at least", span(left), span(link))
        })),
    }
}

fn endpoints(facts: &Facts<'_>) -> Judgement {
    let index = facts.index.clone()?;
    let mut all = BTreeMap::<&str, (bool, f64)>::new();
    for endpoint in figures(&index).flat_map(|figures| &figures.endpoints) {
        let (open, given_up) = all.entry(&endpoint.endpoint).or_default();
        *open |= endpoint.open_until.is_some_and(|until| until > facts.now);
        *given_up += endpoint.given_up.series(facts.now).iter().sum::<f64>();
    }
    all.retain(|_, (open, given_up)| *open || *given_up > 0.0);
    let text = |(endpoint, (open, given_up)): (&&str, &(bool, f64))| {
        let open = if *open { " is left alone for now" } else { "" };
        format!("{endpoint}{open} (events dead-lettered in the last hour: {given_up})")
    };
    let mut named: Vec<String> = all.iter().take(NAMED_MAX).map(text).collect();
    if all.len() > NAMED_MAX {
        named.push(format!("{} more endpoints", all.len() - NAMED_MAX));
    }
    Ok((!named.is_empty()).then(|| named.join("; ")))
}

fn clock(facts: &Facts<'_>) -> Judgement {
    let offset = facts.stores.clock_offset_seconds;
    let way = if offset > 0.0 { "ahead of" } else { "behind" };
    Ok((offset.abs() > CLOCK_OFF).then(|| format!("AWS is {:.1} s {way} this machine", offset.abs())))
}

fn estimates(facts: &Facts<'_>) -> Judgement {
    let index = facts.index.clone()?;
    let hour = |of: fn(&WorkerFigures) -> &Minutes| total(&index, of, facts.now, MINUTES);
    let (estimated, before) = (hour(|figures| &figures.estimated), hour(|figures| &figures.before_p90));
    if estimated < ENDS_MIN {
        return Err(too_few(estimated, "hour"));
    }
    let share = before / estimated;
    Ok((share < BEFORE_P90_MIN).then(|| {
        format!("{before} of {estimated} orders of the last hour ended before that percentile ({:.0} %)", 100.0 * share)
    }))
}

fn versions(facts: &Facts<'_>) -> Judgement {
    let index = facts.index.clone()?;
    let mut programs = BTreeMap::from([(facts.version, vec!["this server".to_owned()])]);
    for report in alive(&index, facts.now) {
        let version = report.figures.as_ref().map_or("one that reports none", |figures| figures.version.as_str());
        programs.entry(version).or_default().push(report.worker.clone());
    }
    let text = |(version, names): (&&str, &Vec<String>)| match names.as_slice() {
        [name] => format!("{version}: {name}"),
        [first, rest @ ..] => format!("{version}: {first} and {} more", rest.len()),
        [] => String::new(),
    };
    Ok((programs.len() > 1).then(|| programs.iter().map(text).collect::<Vec<_>>().join("; ")))
}

fn alive(index: &Snapshot, now: DateTime<Utc>) -> impl Iterator<Item = &WorkerReport> {
    index.workers.iter().filter(move |report| now - report.reported_at <= REPORT_TTL)
}

fn figures(index: &Snapshot) -> impl Iterator<Item = &WorkerFigures> {
    index.workers.iter().filter_map(|report| report.figures.as_ref())
}

/// What the workers counted in the last minutes.
fn total(index: &Snapshot, of: fn(&WorkerFigures) -> &Minutes, now: DateTime<Utc>, minutes: usize) -> f64 {
    sum(figures(index).map(of), now)[MINUTES - minutes..].iter().sum()
}

fn too_few(ended: f64, span: &str) -> String {
    format!("{ended} orders ended in the last {span}, and {ENDS_MIN} are needed")
}

fn orders(n: usize) -> String {
    if n == 1 { "1 order".to_owned() } else { format!("{n} orders") }
}

fn ago(facts: &Facts<'_>, at: DateTime<Utc>) -> String {
    span((facts.now - at).max(TimeDelta::zero()))
}

/// A time span in whole units, for people.
fn span(span: TimeDelta) -> String {
    match span.num_seconds() {
        s @ ..120 => format!("{s} s"),
        s @ ..7_200 => format!("{} min", s / 60),
        s @ ..172_800 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    }
}
