//! The result of a completed order, written to standard output or to a file.

use std::{io::Write, path::Path};

use futures_util::StreamExt;
use offload_client::{Client, Receipt, StatusObject};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::options::WaitOptions;
use crate::{failure::Failure, output};

/// Prints the result, or writes it to the file in the options.
pub(super) async fn write(
    client: &Client,
    receipt: &Receipt,
    object: &StatusObject,
    options: &WaitOptions,
    json: bool,
) -> Result<(), Failure> {
    let Some(file) = &options.output else {
        if json {
            return Ok(());
        }
        return match (&object.result, &object.result_url) {
            (Some(result), _) => output::json(&pretty(result)),
            (None, Some(url)) => {
                output::message("the result is a file: this is its URL, and --output FILE downloads it");
                output::result(url)
            }
            (None, None) => Ok(()),
        };
    };
    // Before the download, so that a file that cannot be written costs none.
    let mut part = PartialFile::new(file)?;
    let bytes = if object.result_url.is_some() {
        download(client.result(receipt, object).await?, part).await?
    } else {
        let text = pretty(object.result.as_ref().unwrap_or(&Value::Null)) + "\n";
        part.add(text.as_bytes())?;
        part.finish()?
    };
    if !json {
        output::message(&format!("{} ({bytes} bytes)", file.display()));
    }
    Ok(())
}

async fn download(response: reqwest::Response, mut part: PartialFile<'_>) -> Result<u64, Failure> {
    let mut body = response.bytes_stream();
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|e| Failure::Unreachable(format!("the download broke off: {}", e.without_url())))?;
        part.add(&bytes)?;
    }
    part.finish()
}

/// A file that is written beside its final path and then renamed, so that half a result never
/// appears to be a whole one.
struct PartialFile<'a> {
    temporary: NamedTempFile,
    path: &'a Path,
    bytes: u64,
}

impl<'a> PartialFile<'a> {
    fn new(path: &'a Path) -> Result<Self, Failure> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new().prefix(".offload-").tempfile_in(folder);
        Ok(Self { temporary: temporary.map_err(|e| unwritten(path, &e))?, path, bytes: 0 })
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes += bytes.len() as u64;
        self.temporary.write_all(bytes).map_err(|e| unwritten(self.path, &e))
    }

    /// Renames the file, and returns its size in bytes.
    fn finish(self) -> Result<u64, Failure> {
        self.temporary.persist(self.path).map_err(|e| unwritten(self.path, &e.error))?;
        Ok(self.bytes)
    }
}

fn unwritten(path: &Path, e: &std::io::Error) -> Failure {
    Failure::Refused(format!("cannot write {}: {e}", path.display()))
}

fn pretty(value: &Value) -> String {
    // A value that was parsed can be printed.
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}
