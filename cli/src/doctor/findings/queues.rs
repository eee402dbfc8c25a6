//! Queues, and what is fed from them.

use super::programs::deadline_seconds;
use crate::doctor::{
    check::{Check, Judged, Severity, each, wrong_if},
    facts::{Deployment, EventSource, Fact, Host, Program, Queue, QueueKind, Unknown},
};

pub(super) const CHECKS: [Check; 7] = [
    Check {
        id: "visibility-too-short",
        severity: Severity::Error,
        title: "A queue's visibility timeout is under six times its function's timeout",
        why: "A batch that is tried again or throttled becomes visible while it is worked on: work is done twice, and \
              messages reach the dead-letter queue without a fault of their orders.",
        fix: "Set the queue's visibility timeout to six times the function's timeout, or lower the latter.",
        judge: |d| sources(d, visibility),
    },
    Check {
        id: "batch-failures-ignored",
        severity: Severity::Error,
        title: "One failed message brings its whole batch again",
        why: "Without ReportBatchItemFailures Lambda deletes all messages of a batch or none: orders that failed are \
              dropped, or those that ended come again.",
        fix: "Set function_response_types of the event source to ReportBatchItemFailures.",
        judge: |d| {
            sources(d, |_, source| {
                let reports = source.reports_failures.clone()?;
                wrong_if(!reports, || "it does not have the response type ReportBatchItemFailures".to_owned())
            })
        },
    },
    Check {
        id: "no-dead-letter-queue",
        severity: Severity::Warning,
        title: "A queue has no dead-letter queue",
        why: "A message that cannot be handled is received again and again until it expires, and pays for each time.",
        fix: "Give the queue a redrive policy with a dead-letter queue and a maxReceiveCount of 20.",
        judge: |d| {
            let judge = |q: &Queue| {
                let dead = q.dead_letters.clone()?;
                wrong_if(dead.is_none(), || "it has no redrive policy".to_owned())
            };
            d.queues.iter().filter(|q| q.kind != QueueKind::Dead).map(|q| Judged::new(&q.label, judge(q))).collect()
        },
    },
    Check {
        id: "dead-letters-unconsumed",
        severity: Severity::Error,
        title: "Nobody consumes the dead-letter queue of orders",
        why: "An order whose message got there ends only by its deadline, days later, and its client waits as long.",
        fix: "Feed the dead-letter queue to the function dead-letters, or set OFFLOAD_DEAD_LETTER_QUEUE_URL of a worker.",
        judge: unconsumed,
    },
    Check {
        id: "retention-too-short",
        severity: Severity::Error,
        title: "A queue drops messages before their orders must have ended",
        why: "A message that expires is gone without a trace. Its order waits until a sweep sends it again.",
        fix: "Set the queue's message retention to 1209600 s, the longest that SQS has, or lower \
              OFFLOAD_DEFAULT_DEADLINE_SECONDS.",
        judge: retention,
    },
    Check {
        id: "orders-without-workers",
        severity: Severity::Error,
        title: "Nobody works on the orders of a queue",
        why: "Orders are accepted with 202, and wait until their deadline ends them.",
        fix: "Turn on the event source of the worker's function for this queue, or run at least one worker.",
        judge: without_workers,
    },
    Check {
        id: "no-alarm",
        severity: Severity::Warning,
        title: "No alarm is about a queue of orders or its dead-letter queue",
        why: "Workers that are down, and orders that fail at every attempt, are noticed by clients first.",
        fix: "Add alarms on the dead-letter queue and on orders that wait while nobody works on any, as \
              infra/terraform/modules/observability has them.",
        judge: no_alarm,
    },
];

fn sources(deployment: &Deployment, judge: impl Fn(&Deployment, &EventSource) -> Fact<Option<String>>) -> Vec<Judged> {
    each(&deployment.sources, "event sources of functions", |s| &s.label, |s| judge(deployment, s))
}

fn visibility(deployment: &Deployment, source: &EventSource) -> Fact<Option<String>> {
    let (queue, function) = (source.queue.clone()?, source.function.clone()?);
    let Some(queue) = deployment.queues.iter().find(|q| q.name == queue) else {
        return Err(Unknown(format!("the queue {queue} is not among those that were read")));
    };
    let programs = deployment.programs.as_ref().map_err(Clone::clone)?;
    let timeout = programs.iter().find_map(|p| match &p.host {
        Host::Function { timeout_seconds } if p.name == function => Some(timeout_seconds.clone()),
        _ => None,
    });
    let timeout = timeout.unwrap_or_else(|| Err(Unknown(format!("the function {function} was not read"))))?;
    let visibility = queue.visibility_seconds.clone()?;
    wrong_if(visibility < 6 * timeout, || {
        format!(
            "a message of {} is invisible for {visibility} s, and {function} may take {timeout} s: {} s are right",
            queue.name,
            6 * timeout
        )
    })
}

fn orders(deployment: &Deployment) -> impl Iterator<Item = &Queue> {
    deployment.queues.iter().filter(|q| q.kind == QueueKind::Orders)
}

/// What feeds functions from a queue and is on. `None` where it is not known whether there is one.
fn is_fed(deployment: &Deployment, queue: &str) -> Fact<bool> {
    let mut doubt = None;
    for source in deployment.sources.as_ref().map_err(Clone::clone)? {
        match (&source.queue, &source.enabled) {
            (Ok(name), _) if name != queue => {}
            (Ok(_), Ok(enabled)) if *enabled => return Ok(true),
            (Ok(_), Ok(_)) => {}
            (Err(why), _) | (_, Err(why)) => doubt = Some(why.clone()),
        }
    }
    doubt.map_or(Ok(false), Err)
}

fn containers(programs: &[Program]) -> impl Iterator<Item = (&Program, &Fact<u64>)> {
    programs.iter().filter_map(|p| match &p.host {
        Host::Containers { count } => Some((p, count)),
        Host::Function { .. } => None,
    })
}

/// Said where nothing of the service runs in the account that was read.
fn elsewhere() -> Unknown {
    Unknown("no function and no container of it was found: where its workers run is not known".to_owned())
}

fn unconsumed(deployment: &Deployment) -> Vec<Judged> {
    let mut judged: Vec<Judged> = Vec::new();
    for queue in orders(deployment) {
        let dead = match &queue.dead_letters {
            Ok(Some(dead)) => dead,
            // Said already, or not known either.
            Ok(None) => continue,
            Err(why) => {
                judged.push(Judged::new(&queue.label, Err(why.clone())));
                continue;
            }
        };
        let label = deployment.queues.iter().find(|q| q.name == *dead).map_or(dead.as_str(), |q| &q.label);
        if judged.iter().all(|j| j.resource != label) {
            judged.push(Judged::new(
                label,
                is_consumed(deployment, dead).map(|consumed| {
                    (!consumed)
                        .then(|| format!("no event source and no container takes what {} moves there", queue.name))
                }),
            ));
        }
    }
    judged
}

fn is_consumed(deployment: &Deployment, dead: &str) -> Fact<bool> {
    let programs = deployment.programs.as_ref().map_err(Clone::clone)?;
    if programs.is_empty() {
        return Err(elsewhere());
    }
    let fed = is_fed(deployment, dead);
    if fed == Ok(true) {
        return fed;
    }
    let mut doubt = None;
    for (program, _) in containers(programs) {
        match program.variable("OFFLOAD_DEAD_LETTER_QUEUE_URL") {
            Ok(Some(url)) if url.ends_with(&format!("/{dead}")) => return Ok(true),
            Ok(_) => {}
            Err(why) => doubt = Some(why),
        }
    }
    doubt.map_or(fed, Err)
}

fn retention(deployment: &Deployment) -> Vec<Judged> {
    let (deadline, certain) = deadline_seconds(deployment);
    let judge = |queue: &Queue| {
        let kept = queue.retention_seconds.clone()?;
        if kept < deadline {
            return Ok(Some(format!(
                "it keeps a message for {kept} s, and an order without a deadline of its own has {deadline} s"
            )));
        }
        certain.clone().map(|()| None)
    };
    orders(deployment).map(|q| Judged::new(&q.label, judge(q))).collect()
}

fn without_workers(deployment: &Deployment) -> Vec<Judged> {
    orders(deployment)
        .map(|queue| {
            let worked_on = is_worked_on(deployment, queue);
            Judged::new(
                &queue.label,
                worked_on.map(|worked_on| {
                    (!worked_on).then(|| {
                    "no event source of a function is on for it, no container is to run, and no worker reports itself"
                        .to_owned()
                })
                }),
            )
        })
        .collect()
}

fn is_worked_on(deployment: &Deployment, queue: &Queue) -> Fact<bool> {
    // A worker that reports itself is there, wherever it runs.
    let reporting = deployment.reporting_workers.clone();
    let programs = match &deployment.programs {
        Ok(programs) if !programs.is_empty() => programs,
        Ok(_) => return reporting.map(|workers| workers > 0),
        Err(why) => return reporting.map_or(Err(why.clone()), |workers| Ok(workers > 0)),
    };
    let mut doubt = None;
    for (_, count) in containers(programs) {
        match count {
            Ok(0) => {}
            Ok(_) => return Ok(true),
            Err(why) => doubt = Some(why.clone()),
        }
    }
    match is_fed(deployment, &queue.name) {
        // The api may be a function while workers are elsewhere.
        Ok(false) if reporting.is_ok_and(|workers| workers > 0) => Ok(true),
        Ok(false) => doubt.map_or(Ok(false), Err),
        fed => fed,
    }
}

fn no_alarm(deployment: &Deployment) -> Vec<Judged> {
    let names = orders(deployment).flat_map(|q| {
        let dead = q.dead_letters.as_ref().ok().and_then(Option::as_deref);
        [Some(q.name.as_str()), dead].into_iter().flatten()
    });
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    let judge = |name: &str| {
        let mut doubt = None;
        for alarm in deployment.alarms.as_ref().map_err(Clone::clone)? {
            match &alarm.about {
                Ok(about) if about.iter().any(|a| a == name) => return Ok(None),
                Ok(_) => {}
                Err(why) => doubt = Some(why.clone()),
            }
        }
        doubt.map_or_else(|| Ok(Some("no alarm has it as a dimension of a metric".to_owned())), Err)
    };
    let label =
        |name: &str| deployment.queues.iter().find(|q| q.name == name).map_or(name.to_owned(), |q| q.label.clone());
    names.into_iter().map(|name| Judged { resource: label(name), outcome: judge(name) }).collect()
}
