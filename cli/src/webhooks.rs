//! `offload webhooks`: gives a receiver its secret, verifies what it got, and lists, replays and
//! tests deliveries.
//!
//! For operators: it derives from the secret that signs, uses the stores directly, and asks no
//! service.

mod deliveries;

use std::io::{Read as _, stdin};

use clap::{Args, Subcommand, builder::RangedU64ValueParser};
use offload_domain::{id::OrderId, tenant::Tenant, webhook::Secrets};
use offload_service::{
    clock,
    settings::{self, Exit, NotifierSettings, catalogue::WEBHOOK_SECRET},
};
use offload_worker::test_webhook;
use url::Url;

use crate::{
    failure::Failure,
    filter::{Filter, find},
    output,
    stores::StoreArgs,
};

/// Orders of a filter, unless it is said how many.
const LIMIT: usize = 100;
/// Orders of a filter at most: each is a call for itself.
const LIMIT_MAX: u64 = 1_000;
/// How old a message may be, in seconds, as Standard Webhooks recommends.
const TOLERANCE_SECONDS: u64 = 300;

#[derive(Debug, Args)]
pub(crate) struct WebhooksArgs {
    #[command(subcommand)]
    command: WebhooksCommand,
}

#[derive(Debug, Subcommand)]
enum WebhooksCommand {
    /// Print the secret of one receiver, derived from `OFFLOAD_WEBHOOK_SECRET` (or from the file
    /// that `OFFLOAD_WEBHOOK_SECRET_FILE` names). While that is being replaced, a line for each
    Secret {
        /// The receiver's URL; its query does not matter
        #[arg(value_name = "URL")]
        url: Url,
        /// The tenant whose orders it is for
        #[arg(long, value_name = "TENANT", default_value_t)]
        tenant: Tenant,
    },
    /// List the deliveries of an order, of the orders of a filter, or those that became dead
    /// letters lately
    List {
        /// The order
        id: Option<OrderId>,
        /// The deliveries of every order with a webhook that this filter selects, such as
        /// 'state:failed tenant:shop age<1d'
        #[arg(long = "where", value_name = "FILTER", conflicts_with = "id")]
        filter: Option<Filter>,
        /// With --where: the most orders to select
        #[arg(long, value_name = "NUMBER", default_value_t = LIMIT, value_parser = limit(), requires = "filter")]
        limit: usize,
        /// With --where: go on where an earlier list ended, of the same state
        #[arg(long, value_name = "CURSOR", requires = "filter")]
        after: Option<String>,
        #[command(flatten)]
        stores: StoreArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Send the last event of an order, or of the orders of a filter, again to its webhook, with
    /// the same id and a new signature
    Replay {
        /// The order
        #[arg(required_unless_present = "filter")]
        id: Option<OrderId>,
        /// Every order with a webhook that this filter selects, such as 'state:failed age<1d'
        #[arg(long = "where", value_name = "FILTER", conflicts_with = "id")]
        filter: Option<Filter>,
        /// With --where: the most orders to select
        #[arg(long, value_name = "NUMBER", default_value_t = LIMIT, value_parser = limit(), requires = "filter")]
        limit: usize,
        /// With --where: go on where an earlier command ended, of the same state
        #[arg(long, value_name = "CURSOR", requires = "filter")]
        after: Option<String>,
        /// Dry run: print the orders, and send nothing
        #[arg(long)]
        dry_run: bool,
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        stores: StoreArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Send a signed test event to a URL, as far as the settings of webhooks allow it, and print
    /// the status code of the answer
    Test {
        /// The receiver's URL
        #[arg(value_name = "URL")]
        url: Url,
        /// The tenant for whose orders it is signed
        #[arg(long, value_name = "TENANT", default_value_t)]
        tenant: Tenant,
    },
    /// Verify a message: its body is read from standard input, the receiver's secret from the
    /// variable `WEBHOOK_SECRET`
    Verify {
        /// The header webhook-id
        #[arg(long, value_name = "ID")]
        id: String,
        /// The header webhook-timestamp
        #[arg(long, value_name = "SECONDS")]
        timestamp: i64,
        /// The header webhook-signature
        #[arg(long, value_name = "SIGNATURES")]
        signature: String,
        /// Accept a message of any age
        #[arg(long)]
        any_age: bool,
    },
}

/// Runs the command.
pub(crate) async fn run(args: WebhooksArgs) -> Result<(), Failure> {
    match args.command {
        WebhooksCommand::Secret { url, tenant } => {
            let own: Vec<String> = operators()?.0.of_receiver(&tenant, &url).texts().collect();
            output::result(&own.join("\n"))
        }
        WebhooksCommand::List { id, filter, limit, after, stores, json } => {
            let stores = stores.connect("offload webhooks").await?;
            match (id, filter) {
                (Some(id), _) => deliveries::list(&stores, id, json).await,
                (None, Some(filter)) => {
                    let found = find(&stores, &filter.query()?, after.as_deref(), limit).await?;
                    deliveries::list_found(&stores, found, json).await
                }
                (None, None) => deliveries::list_dead(&stores, json).await,
            }
        }
        WebhooksCommand::Replay { id, filter, limit, after, dry_run, yes, stores, json } => {
            let stores = stores.connect("offload webhooks").await?;
            let found = match (id, filter) {
                (_, Some(filter)) => find(&stores, &filter.query()?, after.as_deref(), limit).await?,
                (Some(id), None) => return deliveries::replay(&stores, id, dry_run, json).await,
                // Not by the command line.
                (None, None) => return Err(Failure::Usage("name an order, or --where".to_owned())),
            };
            deliveries::replay_found(&stores, found, (dry_run, yes), json).await
        }
        WebhooksCommand::Test { url, tenant } => {
            let (_, settings) = operators()?;
            match test_webhook(&settings, &tenant, url.as_str()).await.map_err(Failure::Usage)? {
                Ok(status) if (200..300).contains(&status) => output::result(&status.to_string()),
                Ok(status) => Err(Failure::Refused(format!("answered {status}"))),
                Err(why) => Err(Failure::Refused(why)),
            }
        }
        WebhooksCommand::Verify { id, timestamp, signature, any_age } => {
            let secret = std::env::var("WEBHOOK_SECRET").unwrap_or_default();
            let secrets = Secrets::parse(&secret).map_err(|e| Failure::Usage(format!("WEBHOOK_SECRET: {e}")))?;
            let mut body = Vec::new();
            let read = stdin().read_to_end(&mut body);
            read.map_err(|e| Failure::Usage(format!("cannot read standard input: {e}")))?;
            if !secrets.verify(&signature, &id, timestamp, &body) {
                return Err(Failure::Refused("no signature is by this secret".to_owned()));
            }
            let age = clock::now().timestamp().abs_diff(timestamp);
            if age > TOLERANCE_SECONDS && !any_age {
                return Err(Failure::Refused(format!("the signature is valid, and {age} s off")));
            }
            output::result("valid")
        }
    }
}

fn limit() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=LIMIT_MAX)
}

/// The operator's secrets, and the settings that they are of.
fn operators() -> Result<(Secrets, NotifierSettings), Failure> {
    let program = std::iter::once("offload webhooks".into());
    let variables = std::env::vars_os();
    let read = settings::parse::<NotifierSettings, _>("offload webhooks", "", program, variables, |read, errors| {
        let settings = read?;
        let secrets = settings.webhook_secret.clone();
        if secrets.is_none() {
            errors.missing(WEBHOOK_SECRET);
        }
        Some((secrets?, settings))
    });
    read.map_err(|exit| match exit {
        Exit::Invalid(errors) => Failure::Usage(errors.to_string()),
        Exit::Help(text) => Failure::Usage(text),
    })
}
