//! Where the orders are, for the commands of operators: with AWS credentials, and without an api.

use std::ffi::OsString;

use clap::Args;
use offload_service::settings::{self, Exit, StoreSettings};
use offload_stores::{CallPolicy, Connection, OrderTable, Stores};

use crate::failure::Failure;

/// The flags and variables of `offload-worker`.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// S3 bucket of status objects [env: OFFLOAD_BUCKET]
    #[arg(long, global = true, value_name = "NAME")]
    bucket: Option<String>,
    /// DynamoDB table of orders [env: OFFLOAD_TABLE]
    #[arg(long, global = true, value_name = "NAME")]
    table: Option<String>,
    /// URL of the queue of orders [env: OFFLOAD_QUEUE_URL]
    #[arg(long, global = true, value_name = "URL")]
    queue_url: Option<String>,
    /// URL of the dead-letter queue [env: OFFLOAD_DEAD_LETTER_QUEUE_URL]
    #[arg(long, global = true, value_name = "URL")]
    dead_letter_queue_url: Option<String>,
}

impl StoreArgs {
    /// Connects to the stores.
    ///
    /// # Errors
    /// If a setting is missing or wrong, or there are no credentials.
    pub(crate) async fn connect(&self, program: &'static str) -> Result<Stores, Failure> {
        let settings = self.settings(program)?;
        Connection::from_environment(CallPolicy::BACKGROUND).await.stores(&settings).await.map_err(Failure::Refused)
    }

    /// What the flags and the environment say.
    ///
    /// # Errors
    /// If a setting is missing or wrong.
    pub(crate) fn settings(&self, program: &'static str) -> Result<StoreSettings, Failure> {
        let flags = [
            ("bucket", &self.bucket),
            ("table", &self.table),
            ("queue-url", &self.queue_url),
            ("dead-letter-queue-url", &self.dead_letter_queue_url),
        ];
        let flags = flags.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        parsed(program, flags, std::env::vars_os())
    }

    /// Connects to the order table alone.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub(crate) async fn orders(&self, program: &'static str) -> Result<OrderTable, Failure> {
        self.connect(program).await.map(|stores| stores.orders)
    }
}

/// Settings of flags and variables.
///
/// # Errors
/// If one is missing or wrong.
pub(crate) fn parsed<'a>(
    program: &'static str,
    flags: impl Iterator<Item = (&'static str, &'a str)>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<StoreSettings, Failure> {
    let flags = flags.map(|(name, value)| format!("--{name}={value}").into());
    let arguments = std::iter::once(program.into()).chain(flags);
    let settings = settings::parse::<StoreSettings, _>(program, "", arguments, variables, |settings, _| settings);
    settings.map_err(|exit| match exit {
        Exit::Invalid(errors) => Failure::Usage(errors.to_string()),
        Exit::Help(text) => Failure::Usage(text),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn unreachable(error: offload_stores::Error) -> Failure {
    Failure::Unreachable(format!("{error}: {}", error.source))
}
