//! Orders that this harness changes itself, as a worker would: the status object is written, then everybody is told.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use offload_domain::{
    order::OrderRecord,
    status::{ProgressReport, Status},
};
use offload_lifecycle::notify::notify;
use offload_stores::{Overwritten, Stores};
use offload_tests::{Answer, Receipt, System};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// How many requests are under way at once while something is made ready.
pub(crate) const AT_ONCE: usize = 32;

/// An order, and what stands in S3 for it.
pub(crate) struct Order {
    pub(crate) receipt: Receipt,
    standing: Mutex<Option<(OrderRecord, Option<String>)>>,
}

impl Order {
    /// Places orders that no worker starts while the harness runs.
    pub(crate) async fn place(
        system: &System,
        api: &str,
        count: usize,
        webhook: Option<&str>,
    ) -> anyhow::Result<Vec<Self>> {
        let mut options = json!({"delay_seconds": 7_200});
        if let Some(url) = webhook {
            options["webhook_url"] = url.into();
        }
        let body: Value = json!({"kind": "report", "rows": 1, "options": options});
        let place = |_| async {
            let answer = system.http.post(format!("{api}/order")).json(&body).send().await?;
            let receipt = Receipt::of(&Answer::of(answer).await);
            anyhow::Ok(Self { receipt, standing: Mutex::default() })
        };
        stream::iter(0..count).map(place).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Reads the order from the table, where it stands by now who is to be told.
    pub(crate) async fn read(&self, stores: &Stores) -> anyhow::Result<()> {
        let record = stores.orders.get(self.receipt.id.parse()?).await?.context("the order is there")?;
        *self.standing.lock().await = Some((record, None));
        Ok(())
    }

    /// Makes a change and tells of it. `written` gets the revision when the answer to the S3 PUT is here, and before
    /// anybody is told: the two calls are those of `Stores::show`.
    pub(crate) async fn change(&self, stores: &Stores, written: impl FnOnce(u64, Instant)) -> anyhow::Result<()> {
        let mut standing = self.standing.lock().await;
        let (record, etag) = standing.as_mut().context("the order was read")?;
        next(record);
        let object = record.status_object(None);
        match stores.objects.overwrite(&object, etag.as_deref()).await? {
            Overwritten::Written(new) => *etag = Some(new),
            Overwritten::NotOlder => anyhow::bail!("somebody else changed the order"),
        }
        written(object.revision, Instant::now());
        notify(stores, record, object).await?;
        Ok(())
    }

    /// Tells of a change without writing it. `told` gets the revision before.
    pub(crate) async fn tell(&self, stores: &Stores, told: impl FnOnce(u64, Instant)) -> anyhow::Result<()> {
        let (record, object) = {
            let mut standing = self.standing.lock().await;
            let (record, _) = standing.as_mut().context("the order was read")?;
            next(record);
            (record.clone(), record.status_object(None))
        };
        told(object.revision, Instant::now());
        notify(stores, &record, object).await?;
        Ok(())
    }
}

/// The next report of progress.
fn next(record: &mut OrderRecord) {
    let state = &mut record.state;
    state.revision += 1;
    state.status = Status::Processing;
    let percent = u8::try_from(state.revision % 100).unwrap_or_default();
    state.progress = Some(ProgressReport::new(percent, Some("counting rows")));
}

/// Waits until `at` of a plan that began at `begun`.
pub(crate) async fn until(begun: Instant, at: Duration) {
    tokio::time::sleep_until(tokio::time::Instant::from_std(begun + at)).await;
}
