//! The estimate learns from the work that is done.

use offload_service::settings::catalogue as c;
use offload_tests::{Setup, eventually, orders::fulfilment};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_estimate_learns_from_finished_orders_and_outlives_its_workers() {
    // Configured to expect a minute, where the work takes a fifth of a second.
    let setup = Setup::default().with(c::EXPECTED_JOB_SECONDS, 60).with(c::JOB_SECONDS, 0.2);
    let mut system = setup.start().await;
    let first = system.order(&fulfilment()).await;
    assert_eq!(first.body["eta"]["basis"], "configured");
    assert!(first.body["eta"]["seconds"].as_f64().unwrap() > 20.0, "{}", first.body);
    for _ in 0..8 {
        let receipt = system.order(&fulfilment()).await;
        system.done(&receipt).await;
    }
    let eta = async |system: &offload_tests::System| -> Value { system.order(&fulfilment()).await.body["eta"].clone() };
    let learned = eventually("the estimate is measured", async || {
        let eta = eta(&system).await;
        (eta["basis"] == "measured").then_some(eta)
    })
    .await;
    assert!(learned["seconds"].as_f64().unwrap() < 5.0, "{learned}");

    system.stop_workers().await;
    system.add_api().await;
    let new = system.apis.pop().unwrap();
    system.apis.insert(0, new);
    let later = eta(&system).await;
    assert_eq!(later["basis"], "measured", "another api, and no worker left: {later}");
}
