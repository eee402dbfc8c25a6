//! `offload webhooks`: gives a receiver its secret, and verifies what it got.
//!
//! For operators: it derives from the secret that signs, and asks no service.

use std::io::{Read as _, stdin};

use clap::{Args, Subcommand};
use offload_domain::{tenant::Tenant, webhook::Secrets};
use offload_service::{
    clock,
    settings::{self, Exit, NotifierSettings, catalogue::WEBHOOK_SECRET},
};
use url::Url;

use crate::{failure::Failure, output};

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
pub(crate) fn run(args: WebhooksArgs) -> Result<(), Failure> {
    match args.command {
        WebhooksCommand::Secret { url, tenant } => {
            let own: Vec<String> = operators()?.of_receiver(&tenant, &url).texts().collect();
            output::result(&own.join("\n"))
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

/// The operator's secrets.
fn operators() -> Result<Secrets, Failure> {
    let program = std::iter::once("offload webhooks".into());
    let variables = std::env::vars();
    let read = settings::parse::<NotifierSettings, _>("offload webhooks", "", program, variables, |read, errors| {
        let secrets = read?.webhook_secret;
        if secrets.is_none() {
            errors.missing(WEBHOOK_SECRET);
        }
        secrets
    });
    read.map_err(|exit| match exit {
        Exit::Invalid(errors) => Failure::Usage(errors.to_string()),
        Exit::Help(text) => Failure::Usage(text),
    })
}
