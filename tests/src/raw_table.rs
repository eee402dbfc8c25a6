//! The order table without the service in between.

use anyhow::Context as _;
use aws_credential_types::Credentials;
use serde_json::{Value, json};

use crate::{System, signer::Signer};

/// DynamoDB of a system.
pub struct RawTable {
    http: reqwest::Client,
    endpoint: String,
    table: String,
    region: String,
    credentials: Credentials,
}

impl RawTable {
    /// With every permission.
    #[must_use]
    pub fn orders(system: &System) -> Self {
        let of = |name: &str| {
            let found = system.variables().into_iter().find(|(variable, _)| variable == name);
            found.map(|(_, value)| value).unwrap_or_default()
        };
        let (id, secret) = (of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"));
        Self {
            http: system.http.clone(),
            endpoint: of("AWS_ENDPOINT_URL_DYNAMODB"),
            table: system.store_settings().table,
            region: of("AWS_REGION"),
            credentials: Credentials::new(id, secret, None, None, "tests"),
        }
    }

    /// An attribute of an order's row that is a number.
    ///
    /// # Errors
    /// If there is none.
    pub async fn number(&self, id: &str, attribute: &str) -> anyhow::Result<i64> {
        let key = json!({"pk": {"S": id}, "sk": {"S": "order"}});
        let get = json!({"TableName": self.table, "Key": key, "ConsistentRead": true});
        let item = self.call("GetItem", &get).await?;
        let number = item["Item"][attribute]["N"].as_str().with_context(|| format!("no {attribute} in {item}"))?;
        Ok(number.parse()?)
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// If DynamoDB refuses it.
    pub async fn call(&self, operation: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string();
        let (kind, target) = ("application/x-amz-json-1.0", format!("DynamoDB_20120810.{operation}"));
        let signer = Signer { credentials: &self.credentials, region: &self.region, service: "dynamodb" };
        let headers = [("content-type", kind), ("x-amz-target", target.as_str())];
        let mut request = self.http.post(&self.endpoint);
        for (name, value) in signer.sign("POST", &self.endpoint, &headers, body.as_bytes())? {
            request = request.header(name, value);
        }
        let response = request.body(body).send().await?;
        let status = response.status();
        let text = response.text().await?;
        anyhow::ensure!(status.is_success(), "the table responded {status}: {text}");
        serde_json::from_str(&text).context("the response of the table")
    }
}
