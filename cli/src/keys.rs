//! `offload keys`: makes, lists and revokes API keys.
//!
//! For operators: it uses the order table directly, with AWS credentials, and needs no api.

use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use offload_domain::{
    api_key::ApiKey,
    caller::{Caller, Roles},
    tenant::Tenant,
};
use offload_service::clock;
use offload_stores::StoredKey;
use rand::RngExt as _;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    output,
    render::count,
    stores::{StoreArgs, unreachable},
};

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
    #[command(flatten)]
    stores: StoreArgs,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key, and print it: this once, for only a hash of it is stored
    Create {
        /// What the key is for, for lists and logs
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// On whose behalf its holder calls
        #[arg(long, value_name = "NAME", default_value_t)]
        tenant: Tenant,
        /// What its holder may do: some of submit, view, operate and admin, separated by commas
        #[arg(long, value_name = "ROLES", default_value = "submit,view", value_parser = Roles::parse)]
        roles: Roles,
    },
    /// List the keys, without their secrets
    List,
    /// Revoke keys: each api forgets them within OFFLOAD_AUTH_CACHE_SECONDS
    Revoke {
        /// The keys' ids: the part between the underscores
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
}

/// Runs the command.
pub(crate) async fn run(args: KeysArgs) -> Result<(), Failure> {
    let orders = args.stores.orders("offload keys").await?;
    match args.command {
        KeysCommand::Create { name, tenant, roles } => {
            let mut random = clock::random();
            let key = ApiKey::new(random.random(), random.random());
            // As the log of an api will have it.
            let name = Caller::new(tenant.clone(), &name, Roles::default()).name;
            let stored = StoredKey::new(&key, tenant, &name, roles, clock::now());
            orders.insert_api_key(&stored).await.map_err(unreachable)?;
            if args.json {
                let mut described = described(&stored);
                described["key"] = key.reveal().into();
                return output::result(&described.to_string());
            }
            output::message(&format!("key {} for {}: it is printed this once", stored.id, summary(&stored)));
            output::result(key.reveal())
        }
        KeysCommand::List => {
            let mut keys = orders.api_keys().await.map_err(unreachable)?;
            keys.sort_by_key(|key| key.created_at);
            if args.json {
                let keys: Vec<Value> = keys.iter().map(described).collect();
                return output::result(&json!({"keys": keys}).to_string());
            }
            let line = |key: &StoredKey| {
                let created = key.created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
                format!("{}  {created}  {}\n", key.id, summary(key))
            };
            let lines: String = keys.iter().map(line).collect();
            output::result(&(lines + &count(keys.len() as u64, "key")))
        }
        KeysCommand::Revoke { ids } => {
            let mut unknown = Vec::new();
            for id in ids {
                // A whole key is refused: it would end up in the history of the shell.
                if orders.revoke_api_key(&id).await.map_err(unreachable)? {
                    let line = if args.json {
                        json!({"id": id, "outcome": "revoked"}).to_string()
                    } else {
                        format!("{id}  revoked")
                    };
                    output::result(&line)?;
                } else {
                    unknown.push(id);
                }
            }
            match unknown.len() as u64 {
                0 => Ok(()),
                n => {
                    Err(Failure::Refused(format!("there is no such key: {} ({})", unknown.join(", "), count(n, "id"))))
                }
            }
        }
    }
}

fn summary(key: &StoredKey) -> String {
    format!("tenant {}, roles {}: {}", key.tenant, key.roles, key.name)
}

fn described(key: &StoredKey) -> Value {
    json!({
        "id": key.id, "tenant": key.tenant, "name": key.name, "roles": key.roles,
        "created_at": key.created_at.to_rfc3339_opts(SecondsFormat::Millis, true),
    })
}
