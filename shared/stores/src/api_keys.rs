//! API keys: one small item each, in one partition of the order table, so that they can be listed.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};

use crate::{
    error::{Error, Kind},
    item::{Item, PK, SK, millis, text},
    orders::OrderTable,
};
use offload_domain::{
    api_key::{ApiKey, KeyHash},
    caller::Roles,
    tenant::Tenant,
};

const PARTITION: &str = "api-keys";

/// An API key as it is stored: without its secret.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredKey {
    /// Names the key, also within its own text.
    pub id: String,
    /// By which the key is recognised.
    pub hash: KeyHash,
    /// On whose behalf its holder calls.
    pub tenant: Tenant,
    /// What it is for, in its operator's words.
    pub name: String,
    /// What its holder may do.
    pub roles: Roles,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl StoredKey {
    /// What is stored of a new key.
    #[must_use]
    pub fn new(key: &ApiKey, tenant: Tenant, name: &str, roles: Roles, created_at: DateTime<Utc>) -> Self {
        Self { id: key.id().to_owned(), hash: key.hash(), tenant, name: name.to_owned(), roles, created_at }
    }
}

impl OrderTable {
    /// Stores a new key.
    ///
    /// # Errors
    /// If the call fails, or there is a key with this id already.
    pub async fn insert_api_key(&self, key: &StoredKey) -> Result<(), Error> {
        let put = self.rows.client.put_item().table_name(&*self.rows.table).set_item(Some(key_of(&key.id).into()));
        let put = put
            .item("hash", text(key.hash.as_str()))
            .item("tenant", text(key.tenant.as_str()))
            .item("name", text(&key.name))
            .item("roles", text(key.roles.to_string()))
            .item("created_at", millis(key.created_at))
            .condition_expression("attribute_not_exists(pk)");
        Box::pin(put.send()).await.map(drop).map_err(|e| Error::of("dynamodb.PutItem", &e))
    }

    /// The key of this id; eventually consistent, which is as good as a cache of seconds.
    ///
    /// # Errors
    /// If the call fails, or what is stored cannot be read.
    pub async fn api_key(&self, id: &str) -> Result<Option<StoredKey>, Error> {
        let get = self.rows.client.get_item().table_name(&*self.rows.table).set_key(Some(key_of(id).into()));
        let item = Box::pin(get.send()).await.map_err(|e| Error::of("dynamodb.GetItem", &e))?.item;
        item.as_ref().map(decode).transpose()
    }

    /// Every key.
    ///
    /// # Errors
    /// If a call fails, or what is stored cannot be read.
    pub async fn api_keys(&self) -> Result<Vec<StoredKey>, Error> {
        let (mut keys, mut from) = (Vec::new(), None);
        loop {
            let query = self.rows.client.query().table_name(&*self.rows.table).consistent_read(true);
            let query = query
                .key_condition_expression("pk = :keys")
                .expression_attribute_values(":keys", text(PARTITION))
                .set_exclusive_start_key(from);
            let page = Box::pin(query.send()).await.map_err(|e| Error::of("dynamodb.Query", &e))?;
            for item in page.items.unwrap_or_default() {
                keys.push(decode(&item)?);
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Deletes a key; whether there was one. Who has it may still be believed for as long as an
    /// api remembers it.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn revoke_api_key(&self, id: &str) -> Result<bool, Error> {
        let delete = self.rows.client.delete_item().table_name(&*self.rows.table).set_key(Some(key_of(id).into()));
        let delete = delete.condition_expression("attribute_exists(pk)");
        match Box::pin(delete.send()).await.map_err(|e| Error::of("dynamodb.DeleteItem", &e)) {
            Ok(_) => Ok(true),
            Err(Error { kind: Kind::Conflict, .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }
}

fn key_of(id: &str) -> [(String, AttributeValue); 2] {
    [(PK.to_owned(), text(PARTITION)), (SK.to_owned(), text(id))]
}

fn decode(item: &Item) -> Result<StoredKey, Error> {
    let unreadable = |name: &str| Error::new(Kind::Invalid, "dynamodb.item", format!("an API key has no valid {name}"));
    let text = |name: &str| item.get(name).and_then(|a| a.as_s().ok()).cloned().ok_or_else(|| unreadable(name));
    let created_at = item.get("created_at").and_then(|a| a.as_n().ok()?.parse().ok());
    Ok(StoredKey {
        id: text(SK)?,
        hash: KeyHash::stored(text("hash")?),
        tenant: text("tenant")?.parse().map_err(|_| unreadable("tenant"))?,
        name: text("name")?,
        roles: Roles::parse(&text("roles")?).map_err(|_| unreadable("roles"))?,
        created_at: created_at.and_then(DateTime::from_timestamp_millis).ok_or_else(|| unreadable("created_at"))?,
    })
}
