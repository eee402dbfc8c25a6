//! Where `offload up` has its stores: the line that it prints for scripts.

use offload_service::settings::StoreSettings;
use offload_stores::Endpoints;
use serde::Deserialize;
use serde_json::Value;

use crate::{failure::Failure, stores::parsed};

/// What is read of the line.
#[derive(Deserialize)]
struct ReadyLine {
    s3: String,
    sqs: String,
    dynamodb: String,
    region: String,
    bucket: String,
    queue_url: String,
    table: String,
    access_key_id: String,
    secret_access_key: String,
    dead_letter_queue_url: Option<String>,
}

/// The settings and the endpoints of the embedded stack.
///
/// # Errors
/// If the document is not that line.
pub(super) fn read(document: &Value) -> Result<(StoreSettings, Endpoints), Failure> {
    let line = ReadyLine::deserialize(document)
        .map_err(|e| Failure::Usage(format!("this is not the line of `offload up --json`: {e}")))?;
    let dead = line.dead_letter_queue_url.as_deref().map(|url| ("dead-letter-queue-url", url));
    let flags = [("bucket", line.bucket.as_str()), ("table", &line.table), ("queue-url", &line.queue_url)];
    let settings = parsed("offload doctor", flags.into_iter().chain(dead), [])?;
    let endpoints = Endpoints {
        s3: line.s3,
        sqs: line.sqs,
        dynamodb: line.dynamodb,
        region: line.region,
        access_key_id: line.access_key_id,
        secret_access_key: line.secret_access_key,
    };
    Ok((settings, endpoints))
}
