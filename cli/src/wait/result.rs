//! Hands the result of a completed order over: to standard output or to a file.

use std::{io::Write, path::Path};

use futures_util::StreamExt;
use offload_client::{Client, Receipt, StatusObject};
use tempfile::NamedTempFile;

use super::UntilArgs;
use crate::{failure::Failure, output};

/// Prints the result, or writes it to the file that was asked for.
pub(super) async fn hand_over(
    client: &Client,
    receipt: &Receipt,
    o: &StatusObject,
    until: &UntilArgs,
    json: bool,
) -> Result<(), Failure> {
    let Some(file) = &until.output else {
        if json {
            return Ok(());
        }
        return match (&o.result, &o.result_url) {
            (Some(result), _) => output::result(&pretty(result)),
            (None, Some(url)) => {
                output::say("the result is a file: this is its URL, and --output FILE downloads it");
                output::result(url)
            }
            (None, None) => Ok(()),
        };
    };
    // Before anything is fetched for it.
    let mut part = Part::new(file)?;
    let bytes = if o.result_url.is_some() {
        receive(client.result(receipt, o).await?, part).await?
    } else {
        let text = pretty(o.result.as_ref().unwrap_or(&serde_json::Value::Null)) + "\n";
        part.add(text.as_bytes())?;
        part.keep()?
    };
    if !json {
        output::say(&format!("{} ({bytes} bytes)", file.display()));
    }
    Ok(())
}

async fn receive(response: reqwest::Response, mut part: Part<'_>) -> Result<u64, Failure> {
    let mut body = response.bytes_stream();
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|e| Failure::Unreachable(format!("the download broke off: {}", e.without_url())))?;
        part.add(&bytes)?;
    }
    part.keep()
}

/// A file in the making, beside its place, so that nobody takes half a result for a whole one.
struct Part<'a> {
    temporary: NamedTempFile,
    place: &'a Path,
    bytes: u64,
}

impl<'a> Part<'a> {
    fn new(place: &'a Path) -> Result<Self, Failure> {
        let folder = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new().prefix(".offload-").tempfile_in(folder);
        Ok(Self { temporary: temporary.map_err(|e| cannot(place, &e))?, place, bytes: 0 })
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes += bytes.len() as u64;
        self.temporary.write_all(bytes).map_err(|e| cannot(self.place, &e))
    }

    fn keep(self) -> Result<u64, Failure> {
        self.temporary.persist(self.place).map_err(|e| cannot(self.place, &e.error))?;
        Ok(self.bytes)
    }
}

fn cannot(place: &Path, e: &std::io::Error) -> Failure {
    Failure::Refused(format!("cannot write {}: {e}", place.display()))
}

fn pretty(value: &serde_json::Value) -> String {
    // A value that was parsed can be printed.
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}
