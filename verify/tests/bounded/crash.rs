//! Every crash point with a few orders; `just crash` runs it in full.

use futures_util::{StreamExt, stream};
use offload_verify::crash::{self, CrashReport};

const ORDERS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_any_call_of_the_write_protocol_loses_nothing() {
    let _alone = crate::MACHINE.lock().await;
    let runs = stream::iter(crash::points()).map(|point| crash::run(point, ORDERS));
    let reports: Vec<CrashReport> = runs.buffer_unordered(6).collect().await;
    for report in &reports {
        assert!(report.holds(ORDERS), "{}\n{report}", CrashReport::HEADING);
        assert!(report.caught > 0, "{report}");
    }
}
