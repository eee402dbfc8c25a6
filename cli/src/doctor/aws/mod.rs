//! Reads a deployment by calls to AWS that change nothing, or what of it `offload up` has.

mod actions;
mod call;
mod programs;
mod roles;
mod stores;
mod xml;

use chrono::TimeDelta;
use offload_service::{clock, settings::StoreSettings};
use offload_stores::{Endpoints, Stores};

pub(super) use self::actions::ACTIONS;
use self::call::Caller;
use super::{
    facts::{Deployment, Fact, Program, Unknown, unknown},
    queue_kind::{kind, urls},
};

/// A worker reports itself every few seconds.
const LATE: TimeDelta = TimeDelta::minutes(2);

/// Where and with what to call.
pub(super) struct Target<'a> {
    pub(super) stores: &'a Stores,
    pub(super) settings: &'a StoreSettings,
    /// The endpoints of the embedded stack, where it is one.
    pub(super) embedded: Option<Endpoints>,
}

/// Reads what there is.
///
/// # Errors
/// If no calls can be made at all.
pub(super) async fn read(target: Target<'_>) -> Result<Deployment, String> {
    let (settings, embedded) = (target.settings, target.embedded.is_some());
    let caller = Caller::new(target.stores.signer.clone(), target.embedded)?;
    let programs = if embedded { absent() } else { programs::programs(&caller, &settings.bucket).await };
    let known: &[Program] = programs.as_deref().unwrap_or_default();
    let own = [Some(&settings.queue_url), settings.high_queue_url.as_ref(), settings.low_queue_url.as_ref()];
    let own = own.into_iter().chain([settings.quiet_queue_url.as_ref(), settings.dead_letter_queue_url.as_ref()]);
    let mut all: Vec<String> = own.flatten().cloned().chain(urls(known).map(str::to_owned)).collect();
    all.sort_unstable();
    // One queue has one name, whatever its URL begins with.
    all.dedup_by_key(|url| url.rsplit('/').next().unwrap_or_default().to_owned());
    let mut queues = Vec::new();
    for url in &all {
        queues.push(stores::queue(&caller, url).await);
    }
    let targets: Vec<String> = queues.iter().filter_map(|q| q.dead_letters.clone().ok().flatten()).collect();
    for queue in &mut queues {
        queue.kind = kind(&queue.name, known, &targets);
    }
    let mut bucket = stores::bucket(&caller, &settings.bucket).await;
    if embedded {
        // A bucket on this machine has neither, and needs neither.
        (bucket.public_access_blocked, bucket.policy) = (absent(), absent());
        queues.iter_mut().for_each(|queue| queue.policy = absent());
    }
    let table = stores::table(&caller, &settings.table).await;
    let now = clock::now();
    Ok(Deployment {
        buckets: vec![bucket],
        tables: vec![table],
        queues,
        sources: if embedded { absent() } else { programs::sources(&caller, &all).await },
        roles: if embedded { absent() } else { roles::roles(&caller, known).await },
        stages: if embedded { absent() } else { programs::stages(&caller, known).await },
        domains: if embedded { absent() } else { programs::domains(&caller, known).await },
        alarms: if embedded { absent() } else { programs::alarms(&caller).await },
        provisioned: if embedded { absent() } else { programs::provisioned(&caller, known, now.timestamp()).await },
        reporting_workers: reporting(target.stores).await,
        clock_offset: caller.clock_offset(),
        programs,
    })
}

/// Said of what the embedded stack does not have.
fn absent<T>() -> Fact<T> {
    unknown("`offload up` has no such thing")
}

async fn reporting(stores: &Stores) -> Fact<usize> {
    let reports = stores.orders.worker_reports().await;
    let reports = reports.map_err(|e| Unknown(format!("the reports of workers cannot be read: {e}")))?;
    let now = clock::now();
    Ok(reports.iter().filter(|r| now - r.reported_at < LATE).count())
}
