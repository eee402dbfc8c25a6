//! The tokens that the answer to a submission has.

use chrono::{DateTime, Utc};
use offload_domain::time::rfc3339_millis;
use serde::Serialize;
use utoipa::ToSchema;

/// The capabilities for one order.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct OrderTokens {
    /// The capability for this order: read, subscribe and cancel. Send it as `Offload-Token`, or as
    /// `Authorization: Bearer` where that is free.
    #[schema(format = Password)]
    pub(crate) order_token: String,
    /// The same without cancelling: for URLs (`token=`), which end up in histories and logs, and
    /// for those who only wait.
    #[schema(format = Password)]
    pub(crate) read_token: String,
    /// Until when both work.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) token_expires_at: DateTime<Utc>,
}

/// Without the tokens.
impl std::fmt::Debug for OrderTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OrderTokens(until {})", self.token_expires_at)
    }
}
