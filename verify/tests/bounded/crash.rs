//! The crash matrix in small; `just crash` makes it in full.

use futures_util::{StreamExt, stream};
use offload_verify::crash::{Row, crash, points};

const ORDERS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_any_call_of_the_write_protocol_loses_nothing() {
    let rows: Vec<Row> = stream::iter(points()).map(|p| crash(p, ORDERS)).buffer_unordered(6).collect().await;
    for row in &rows {
        assert!(row.holds(ORDERS), "{}\n{row}", Row::HEADING);
        assert!(row.caught > 0, "{row}");
    }
}
