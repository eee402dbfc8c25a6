//! The query of a request, read the same way by every route.

use axum::{
    extract::{FromRequestParts, Query},
    http::{Uri, request::Parts},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};

use crate::response::error::ApiError;

/// A query that could be read: one that could not is an error, because a token or a wish in it must
/// not get lost. Members that a route does not know are ignored.
pub(crate) struct OfQuery<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for OfQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        read(&parts.uri).map(Self)
    }
}

/// The query of a URI.
///
/// # Errors
/// If a member is there twice, or is not what it has to be.
pub(crate) fn read<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    Query::try_from_uri(uri).map(|query| query.0).map_err(|_| ApiError::InvalidQuery)
}

/// Whether something is wished for: `true` or `1`, and `false` or `0`.
pub(crate) fn wish<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match &*String::deserialize(deserializer)? {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(D::Error::custom("neither true nor false")),
    }
}
