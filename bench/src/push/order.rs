//! Orders that this harness changes itself, as a worker would: first the status object, then its
//! event.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use offload_domain::{
    order::OrderRecord,
    status::{ProgressReport, Status},
};
use offload_lifecycle::notify::notify;
use offload_stores::{Overwritten, Stores};
use offload_tests::{
    Receipt, Response, System,
    orders::{report, with_options},
};
use serde_json::json;
use tokio::sync::Mutex;

/// How many requests run at once while a run is prepared.
pub(crate) const AT_ONCE: usize = 32;

/// An order and the ETag of its current status object.
pub(crate) struct TrackedOrder {
    pub(crate) receipt: Receipt,
    current: Mutex<Option<(OrderRecord, Option<String>)>>,
}

impl TrackedOrder {
    /// Submits orders that no worker starts while the harness runs.
    pub(crate) async fn submit(
        system: &System,
        api: &str,
        count: usize,
        webhook: Option<&str>,
    ) -> anyhow::Result<Vec<Self>> {
        let mut options = json!({"delay_seconds": 7_200});
        if let Some(url) = webhook {
            options["webhook_url"] = url.into();
        }
        let body = with_options(report(1), options);
        let submit = |_| async {
            let response = system.http.post(format!("{api}/order")).json(&body).send().await?;
            let receipt = Receipt::of(&Response::of(response).await);
            anyhow::Ok(Self { receipt, current: Mutex::default() })
        };
        stream::iter(0..count).map(submit).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Reads the order from the table, whose record says by now that there are subscribers.
    pub(crate) async fn read(&self, stores: &Stores) -> anyhow::Result<()> {
        let record = stores.orders.get(self.receipt.id.parse()?).await?.context("the order exists")?;
        *self.current.lock().await = Some((record, None));
        Ok(())
    }

    /// Publishes a change. `written` gets the revision after the response to the S3 PUT, before the
    /// event is sent. The two calls are those that publish a change in the service.
    pub(crate) async fn publish(&self, stores: &Stores, written: impl FnOnce(u64, Instant)) -> anyhow::Result<()> {
        let mut current = self.current.lock().await;
        let (record, etag) = current.as_mut().context("the order was read")?;
        next(record);
        let object = record.status_object(None);
        match stores.objects.overwrite(&object, etag.as_deref()).await? {
            Overwritten::Written(new) => *etag = Some(new),
            Overwritten::NotOlder => anyhow::bail!("another writer changed the order"),
        }
        written(object.revision, Instant::now());
        notify(stores, record, object).await?;
        Ok(())
    }

    /// Sends the event of a change without writing the status object. `sending` gets the revision
    /// before.
    pub(crate) async fn notify(&self, stores: &Stores, sending: impl FnOnce(u64, Instant)) -> anyhow::Result<()> {
        let (record, object) = {
            let mut current = self.current.lock().await;
            let (record, _) = current.as_mut().context("the order was read")?;
            next(record);
            (record.clone(), record.status_object(None))
        };
        sending(object.revision, Instant::now());
        notify(stores, &record, object).await?;
        Ok(())
    }
}

/// Applies the next progress report.
fn next(record: &mut OrderRecord) {
    let state = &mut record.state;
    state.revision += 1;
    state.status = Status::Processing;
    let percent = u8::try_from(state.revision % 100).unwrap_or_default();
    state.progress = Some(ProgressReport::new(percent, Some("counting rows")));
}

/// Waits until `at`, counted from `begun`.
pub(crate) async fn wait_until(begun: Instant, at: Duration) {
    tokio::time::sleep_until(tokio::time::Instant::from_std(begun + at)).await;
}
