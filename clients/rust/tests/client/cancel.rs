//! A cancellation reaches the callers that wait with the same client.

use offload_client::{Receipt, Status};

use crate::service::{Service, found, view};

#[tokio::test]
async fn a_waiting_caller_is_notified_of_a_cancellation_at_once() {
    let service = Service::start(vec![], vec![found("cancelled", 2)]).await;
    service.script_api(view(&service.url("/bucket/second"), "cancelled", 2));
    let client = service.client();
    // By its own schedule the first poll would come in an hour.
    let receipt = Receipt { poll_after_ms: Some(3_600_000), ..service.receipt() };
    let waiting = tokio::spawn({
        let (client, receipt) = (client.clone(), receipt.clone());
        async move { client.wait(&receipt).await }
    });
    client.cancel(&receipt).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status, Status::Cancelled);
    assert_eq!(client.wait(&receipt).await.unwrap().status, Status::Cancelled, "and a later caller too");
}
