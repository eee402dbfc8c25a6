//! A client may change its mind until the work is done.

use offload_service::settings::catalogue as c;
use offload_tests::{Setup, eventually, orders::fulfilment};

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_order_is_cancelled_and_never_worked_on() {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let response = system.cancel(&receipt).await;
    assert_eq!((response.status, response.json()["status"].as_str()), (202, Some("cancelled")), "{}", response.text);
    assert_eq!(system.done(&receipt).await["status"], "cancelled");
    assert_eq!(system.cancel(&receipt).await.status, 200, "already");
    system.add_worker();
    eventually("the message is settled", async || {
        let depth = system.stores.queue.depth().await.ok()?;
        (depth.visible + depth.in_flight == 0).then_some(())
    })
    .await;
    assert_eq!(system.get(&receipt).await.json()["attempt"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_order_is_stopped() {
    let system = Setup::default().with(c::JOB_SECONDS, 60).start().await;
    let receipt = system.order(&fulfilment()).await;
    eventually("it runs", async || (system.get(&receipt).await.json()["status"] == "processing").then_some(())).await;
    assert_eq!(system.cancel(&receipt).await.status, 202);
    let done = system.done(&receipt).await;
    assert_eq!((done["status"].as_str(), done["result"].is_null()), (Some("cancelled"), true), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_order_cannot_be_cancelled() {
    let system = Setup::default().start().await;
    let receipt = system.order(&fulfilment()).await;
    system.done(&receipt).await;
    let response = system.cancel(&receipt).await;
    assert_eq!((response.status, response.problem().as_str()), (409, "order-already-ended"));
    assert_eq!(system.done(&receipt).await["status"], "completed");
}
