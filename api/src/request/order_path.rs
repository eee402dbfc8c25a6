//! How routes of one order name it in the OpenAPI document.

use utoipa::IntoParams;

/// The order in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OrderPath {
    /// The order: a UUID of version 7, as in its receipt
    #[param(
        format = "uuid",
        pattern = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$"
    )]
    #[expect(dead_code, reason = "the routes read it by Authorized; this is its description")]
    id: String,
}
