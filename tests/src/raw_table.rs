//! The order table without the service in between.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{System, json_service::JsonService};

/// The order table of a system.
pub struct RawTable {
    dynamodb: JsonService,
    name: String,
}

impl RawTable {
    /// With every permission.
    #[must_use]
    pub fn orders(system: &System) -> Self {
        Self { dynamodb: JsonService::dynamodb(system), name: system.store_settings().table }
    }

    /// An attribute of an order's row that is a number.
    ///
    /// # Errors
    /// If there is none.
    pub async fn number(&self, id: &str, attribute: &str) -> anyhow::Result<i64> {
        let key = json!({"pk": {"S": id}, "sk": {"S": "order"}});
        let get = json!({"TableName": self.name, "Key": key, "ConsistentRead": true});
        let item = self.call("GetItem", &get).await?;
        let number = item["Item"][attribute]["N"].as_str().with_context(|| format!("no {attribute} in {item}"))?;
        Ok(number.parse()?)
    }

    /// Calls an operation of DynamoDB.
    ///
    /// # Errors
    /// If DynamoDB refuses it.
    pub async fn call(&self, operation: &str, body: &Value) -> anyhow::Result<Value> {
        self.dynamodb.call(operation, body).await
    }
}
