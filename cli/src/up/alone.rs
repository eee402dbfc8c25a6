//! `offload stack`: S3, SQS, DynamoDB and STS alone, to develop other things against.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use offload_domain::host::HostRule;
use offload_local::{HostCheck, Options, Stack};
use offload_service::shutdown;
use serde_json::json;

use super::{
    address,
    chaos::Chaos,
    secrets::Secrets,
    stack::{REGION, not_started},
};
use crate::{failure::Failure, output, paint::table};

#[derive(Debug, Args)]
pub(crate) struct StackArgs {
    /// Address of S3 and STS; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9000", value_parser = address::parse)]
    s3: SocketAddr,
    /// Address of SQS
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9324", value_parser = address::parse)]
    sqs: SocketAddr,
    /// Address of DynamoDB
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000", value_parser = address::parse)]
    dynamodb: SocketAddr,
    /// Accept addresses that other machines can reach. The stack is made for development: use it
    /// only on a network that you trust
    #[arg(long)]
    allow_remote: bool,
    /// Keep all data in this directory, keys included [default: in memory, lost at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Inject faults at the sockets of the stack, as `offload up --chaos` does
    #[arg(long, value_name = "SPEC", num_args = 0..=1, default_missing_value = Chaos::MILD)]
    chaos: Option<Chaos>,
    /// Print one line of JSON when the stack is ready, for scripts
    #[arg(long)]
    json: bool,
}

/// Runs the stack until a signal.
pub(crate) async fn run(args: &StackArgs) -> Result<(), Failure> {
    let listeners = [("--s3", args.s3), ("--sqs", args.sqs), ("--dynamodb", args.dynamodb)];
    address::check(&listeners, args.allow_remote).map_err(Failure::Usage)?;
    let secrets = match &args.data {
        None => Secrets::fresh(),
        Some(directory) => Secrets::kept_in(directory).map_err(Failure::Refused)?,
    };
    let stop = shutdown::on_signal();
    let remote = args.allow_remote;
    let options = Options {
        s3: args.s3,
        sqs: args.sqs,
        dynamodb: args.dynamodb,
        data: args.data.clone(),
        region: REGION.to_owned(),
        access_key_id: secrets.access_key_id.clone(),
        secret_access_key: secrets.secret_access_key.clone(),
        hosts: HostCheck::new(move |host| {
            HostRule::Loopback.allows(host) || (remote && HostRule::Address.allows(host))
        }),
        ..Options::default()
    };
    let stack = Stack::start(options).await.map_err(|e| not_started(&e))?;
    if let Some(chaos) = &args.chaos {
        chaos.apply(&stack);
    }
    let announced = announce(&stack, &secrets, args.json);
    // A script that has read the line may close the pipe and let the stack run.
    if matches!(announced, Ok(()) | Err(Failure::Closed)) {
        stop.cancelled().await;
    }
    stack.stop().await;
    match announced {
        Err(Failure::Closed) | Ok(()) => Ok(()),
        Err(e) => Err(e),
    }
}

fn announce(stack: &Stack, secrets: &Secrets, as_json: bool) -> Result<(), Failure> {
    let e = stack.endpoints();
    let (id, key) = (&secrets.access_key_id, &secrets.secret_access_key);
    if as_json {
        let line = json!({
            "s3": e.s3, "sqs": e.sqs, "dynamodb": e.dynamodb, "sts": e.sts, "region": REGION,
            "access_key_id": id, "secret_access_key": key,
        });
        return output::json(&line.to_string());
    }
    let variables = [
        ("AWS_ENDPOINT_URL_S3", e.s3.clone()),
        ("AWS_ENDPOINT_URL_SQS", e.sqs.clone()),
        ("AWS_ENDPOINT_URL_DYNAMODB", e.dynamodb.clone()),
        ("AWS_ENDPOINT_URL_STS", e.sts.clone()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", id.clone()),
        ("AWS_SECRET_ACCESS_KEY", key.clone()),
    ];
    let exports: Vec<(&str, String)> =
        variables.into_iter().map(|(name, value)| ("export", format!("{name}={value}"))).collect();
    output::result(&format!("{}Ctrl-C stops it.", table(&exports, "", output::result_paint())))
}
