//! How the rows of every order are read and written: directly, or through the SDK.

#[cfg(feature = "sdk-calls")]
mod by_sdk;

use std::{collections::HashMap, sync::Arc};

use aws_sdk_dynamodb::Client;
use serde::{Deserialize, Serialize};

use crate::{
    direct::{ItemJson, ItemRead, Switch, by_sdk},
    error::{Error, Kind},
    item::Item,
};

const PUT: &str = "dynamodb.PutItem";
const PUT_ALL: &str = "dynamodb.TransactWriteItems";
const GET: &str = "dynamodb.GetItem";
const UPDATE: &str = "dynamodb.UpdateItem";

/// The condition that there is no such row.
const NEW: &str = "attribute_not_exists(pk)";

/// Rows that one transaction writes at most.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub(crate) const ROWS_MAX: usize = 100;

/// The rows of the order table.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) client: Client,
    pub(crate) table: Arc<str>,
    switch: Switch,
}

/// What a row is changed to, and on what condition.
pub(crate) struct Update {
    pub(crate) expression: String,
    pub(crate) condition: String,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: Item,
    pub(crate) answer: RowAnswer,
}

/// What an update answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowAnswer {
    /// The row as it is then, or as it is instead.
    Whole,
    /// Nothing: the rows in [`Updated`] are empty.
    None,
}

/// What became of an update.
pub(crate) enum Updated {
    /// The row as it is now.
    Written(Item),
    /// The condition did not hold: the row as it is, if there is one.
    Refused(Option<Item>),
}

/// None of some rows was written.
pub(crate) struct NotAll {
    /// The rows that are in their places, as far as that is why.
    pub(crate) met: Vec<Item>,
    pub(crate) error: Error,
}

impl From<Error> for NotAll {
    fn from(error: Error) -> Self {
        Self { met: Vec::new(), error }
    }
}

impl Rows {
    pub(crate) fn new(client: Client, switch: Switch, table: &str) -> Self {
        Self { client, switch, table: table.into() }
    }

    /// Writes a new row.
    ///
    /// # Errors
    /// [`Kind::Conflict`] if there is one; others if the call fails, and the row may have been
    /// written then.
    pub(crate) async fn put(&self, item: Item) -> Result<(), Error> {
        let Some(direct) = self.switch.direct() else { by_sdk!(self.put_by_sdk(item)) };
        let put = PutItem { table_name: &self.table, item: ItemJson(&item), condition_expression: NEW };
        direct.json(PUT, "DynamoDB_20120810.PutItem", &put).await.map(drop).map_err(|failure| failure.error)
    }

    /// Writes new rows (at most [`ROWS_MAX`]), or none of them. The same token is the same
    /// transaction, however often it is sent.
    ///
    /// # Errors
    /// [`NotAll`]; where no row was met, they may have been written.
    pub(crate) async fn put_all(&self, token: &str, rows: Vec<Item>) -> Result<(), NotAll> {
        let Some(direct) = self.switch.direct() else { by_sdk!(self.put_all_by_sdk(token, rows)) };
        let puts = rows.iter().map(|row| TransactItem {
            put: TransactPut {
                put: PutItem { table_name: &self.table, item: ItemJson(row), condition_expression: NEW },
                return_values_on_condition_check_failure: "ALL_OLD",
            },
        });
        let write = TransactWriteItems { client_request_token: token, transact_items: puts.collect() };
        let Err(failure) = direct.json(PUT_ALL, "DynamoDB_20120810.TransactWriteItems", &write).await else {
            return Ok(());
        };
        let cancelled: Cancelled = serde_json::from_slice(&failure.body).unwrap_or_default();
        let met = cancelled.cancellation_reasons.into_iter().filter_map(|reason| Some(reason.item?.0));
        Err(NotAll { met: met.collect(), error: failure.error })
    }

    /// Reads a row, as it is after every write that has been answered.
    ///
    /// # Errors
    /// If the call fails.
    pub(crate) async fn get(&self, key: Item) -> Result<Option<Item>, Error> {
        let Some(direct) = self.switch.direct() else { by_sdk!(self.get_by_sdk(key)) };
        let get = GetItem { table_name: &self.table, key: ItemJson(&key), consistent_read: true };
        let answer = direct.json(GET, "DynamoDB_20120810.GetItem", &get).await.map_err(|failure| failure.error)?;
        row(GET, &answer.body)
    }

    /// Updates a row on a condition.
    ///
    /// # Errors
    /// If the call fails; the write may or may not have happened then.
    pub(crate) async fn update(&self, key: Item, update: Update) -> Result<Updated, Error> {
        let Some(direct) = self.switch.direct() else { by_sdk!(self.update_by_sdk(key, update)) };
        let Update { expression, condition, names, values, answer } = update;
        let whole = answer == RowAnswer::Whole;
        let update = UpdateItem {
            table_name: &self.table,
            key: ItemJson(&key),
            update_expression: &expression,
            condition_expression: &condition,
            expression_attribute_names: &names,
            expression_attribute_values: ItemJson(&values),
            return_values: whole.then_some("ALL_NEW"),
            return_values_on_condition_check_failure: whole.then_some("ALL_OLD"),
        };
        match direct.json(UPDATE, "DynamoDB_20120810.UpdateItem", &update).await {
            Ok(answer) => Ok(Updated::Written(row(UPDATE, &answer.body)?.unwrap_or_default())),
            Err(failure) if failure.error.kind == Kind::Conflict => Ok(Updated::Refused(row(UPDATE, &failure.body)?)),
            Err(failure) => Err(failure.error),
        }
    }
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutItem<'a> {
    table_name: &'a str,
    item: ItemJson<'a>,
    condition_expression: &'a str,
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateItem<'a> {
    table_name: &'a str,
    key: ItemJson<'a>,
    update_expression: &'a str,
    condition_expression: &'a str,
    expression_attribute_names: &'a HashMap<String, String>,
    expression_attribute_values: ItemJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_values: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_values_on_condition_check_failure: Option<&'a str>,
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetItem<'a> {
    table_name: &'a str,
    key: ItemJson<'a>,
    consistent_read: bool,
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TransactWriteItems<'a> {
    client_request_token: &'a str,
    transact_items: Vec<TransactItem<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TransactItem<'a> {
    put: TransactPut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TransactPut<'a> {
    #[serde(flatten)]
    put: PutItem<'a>,
    return_values_on_condition_check_failure: &'a str,
}

/// Why a transaction was cancelled, row by row.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Cancelled {
    cancellation_reasons: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reason {
    item: Option<ItemRead>,
}

/// The row of an answer: what was read, what an update made, or what it met.
fn row(operation: &'static str, body: &[u8]) -> Result<Option<Item>, Error> {
    #[derive(Deserialize)]
    struct Row {
        #[serde(rename = "Attributes", alias = "Item")]
        row: Option<ItemRead>,
    }
    let Row { row } = serde_json::from_slice(body).map_err(|e| Error::new(Kind::Invalid, operation, e.to_string()))?;
    Ok(row.map(|ItemRead(item)| item))
}
