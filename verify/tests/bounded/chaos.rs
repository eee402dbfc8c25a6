//! The ordeal in small; `just chaos` makes it in full.

use offload_verify::chaos::Ordeal;

#[tokio::test(flavor = "multi_thread")]
async fn what_got_202_ends_once_though_everything_fails_at_once() {
    let ordeal = Ordeal { orders: 300, clients: 60, ..Ordeal::default() };
    let outcome = ordeal.run().await;
    assert!(outcome.holds(&ordeal), "{outcome}");
    assert!(outcome.delivered > outcome.sent, "messages came again:\n{outcome}");
}
