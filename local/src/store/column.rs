//! Values of columns.

use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;

/// The value of a JSON column.
pub(super) fn parsed<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|error| StoreError::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error)))
}

/// JSON for a column.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("maps with text keys, lists and text always serialise")
}

/// A size as SQLite's integer; no size here is near the limit.
pub(crate) fn integer(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
