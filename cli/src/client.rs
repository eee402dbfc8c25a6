//! The client of a command, which tells people about what it tries again.

use offload_client::{Client, Target};
use url::Url;

use crate::{failure::Failure, progress::Notes, render};

/// A client of the api at `api`.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn client(api: &Url, notes: &Notes) -> Result<Client, Failure> {
    let notes = notes.clone();
    let client = Client::builder().on_retry(move |retry| {
        let text = match retry.target {
            // One word is enough for a series of looks that lasts a minute.
            Target::Look if retry.failures > 1 => return,
            Target::Look => format!("S3 does not answer ({}); looking again for a minute", retry.reason),
            _ => format!("{}; trying again in {}", retry.reason, render::words(retry.wait.as_secs_f64())),
        };
        notes.say(&text);
    });
    Ok(client.build(api.as_str())?)
}
