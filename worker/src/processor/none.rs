//! No work: of functions that send notifications, sweep or end dead letters, and get no orders.

use async_trait::async_trait;
use offload_domain::order::Order;
use offload_service::settings::{Errors, ProcessorSettings};

use super::{
    contract::{Outcome, ProcessError, Processor},
    entry::{Chosen, Entry},
    progress::Progress,
};

/// The processor `none`.
pub(super) const ENTRY: Entry =
    Entry { name: "none", about: "nothing: for a function that gets no orders", settings: &[], build };

fn build(_: &ProcessorSettings, _: &mut Errors<'_>) -> Option<Chosen> {
    Some(Chosen::new(&ENTRY, NoWork, "nothing: this worker must get no orders".to_owned()))
}

/// Gives every order back. One that is lost by a wrong event source should be found.
struct NoWork;

#[async_trait]
impl Processor for NoWork {
    async fn process(&self, _: &Order, _: &Progress) -> Result<Outcome, ProcessError> {
        Err(ProcessError::retryable("this worker does no work; its queue is not that of orders"))
    }
}
