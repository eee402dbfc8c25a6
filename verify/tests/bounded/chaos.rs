//! The chaos run with a few hundred orders; `just chaos` runs it in full.

use offload_verify::chaos::ChaosPlan;

#[tokio::test(flavor = "multi_thread")]
async fn accepted_orders_end_once_while_everything_fails() {
    let _alone = crate::MACHINE.lock().await;
    let plan = ChaosPlan { orders: 300, clients: 60, ..ChaosPlan::default() };
    let report = plan.run().await;
    assert!(report.holds(&plan), "{report}");
    assert!(report.delivered > report.sent, "some messages were delivered twice:\n{report}");
}
