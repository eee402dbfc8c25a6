//! Bounds the memory that requests take together, by their bytes.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::response::error::ApiError;

/// The longest that a request waits for its bytes.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// So many bytes, which requests reserve and give back. Those that wait get theirs in the order in
/// which they came.
#[derive(Debug)]
pub(crate) struct ByteBudget {
    free: Arc<Semaphore>,
    total: u32,
}

/// Bytes of a budget; dropping gives them back.
#[derive(Debug)]
pub(crate) struct ReservedBytes(OwnedSemaphorePermit);

impl ByteBudget {
    pub(crate) fn new(total: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Reserves bytes, or the whole budget for what is larger than it.
    ///
    /// # Errors
    /// If they are not free in time.
    pub(crate) async fn reserve(&self, bytes: usize) -> Result<ReservedBytes, ApiError> {
        self.reserve_within(WAIT_MAX, bytes).await
    }

    async fn reserve_within(&self, wait: Duration, bytes: usize) -> Result<ReservedBytes, ApiError> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.total);
        match timeout(wait, Arc::clone(&self.free).acquire_many_owned(bytes)).await {
            Ok(Ok(permit)) => Ok(ReservedBytes(permit)),
            // Nobody closes the semaphore.
            Ok(Err(_)) | Err(_) => Err(ApiError::Overloaded),
        }
    }
}

impl ReservedBytes {
    /// Gives back what is more than `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        drop(self.0.split(self.0.num_permits().saturating_sub(bytes)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn reserved(budget: &ByteBudget, bytes: usize) -> Option<ReservedBytes> {
        budget.reserve_within(Duration::from_millis(10), bytes).await.ok()
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_until_bytes_are_given_back() {
        let budget = ByteBudget::new(100);
        let mut first = reserved(&budget, 70).await.unwrap();
        assert!(matches!(budget.reserve_within(Duration::ZERO, 31).await, Err(ApiError::Overloaded)));
        first.shrink_to(69);
        let second = reserved(&budget, 31).await.unwrap();
        assert!(reserved(&budget, 1).await.is_none());
        drop(first);
        assert!(reserved(&budget, 69).await.is_some());
        drop(second);
        let whole = reserved(&budget, usize::MAX).await.unwrap();
        assert!(reserved(&budget, 1).await.is_none());
        drop(whole);
        assert!(reserved(&budget, 100).await.is_some());
    }

    #[tokio::test]
    async fn those_who_wait_get_theirs_in_order() {
        let budget = ByteBudget::new(10);
        let first = budget.reserve(10).await.unwrap();
        let (large, small) = (budget.reserve(8), budget.reserve(2));
        let (large, small, ()) = tokio::join!(large, small, async { drop(first) });
        assert!(large.is_ok() && small.is_ok());
    }
}
