//! The client of a command, and where its api is.

use std::path::PathBuf;

use clap::Args;
use offload_client::{Builder, Client, Error, RequestKind};
use url::Url;

use crate::{failure::Failure, output, progress::Messages, render, span};

pub(crate) const DEFAULT_API: &str = "http://127.0.0.1:8080";

/// The arguments of every command that uses the api.
#[derive(Clone, Args)]
pub(crate) struct ClientArgs {
    /// URL of the api
    #[arg(long, value_name = "URL", default_value = DEFAULT_API, value_parser = api_url)]
    pub(crate) api: Url,
    #[command(flatten)]
    credentials: Credentials,
    /// Print the service's JSON and nothing else on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// Who submits.
#[derive(Clone, Args)]
pub(crate) struct Credentials {
    /// API key or token of a service that knows its callers
    #[arg(long, value_name = "KEY", env = "OFFLOAD_API_KEY", hide_env_values = true)]
    key: Option<String>,
    /// File with the key or token, read again when the api refuses what was in it
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
}

/// Without the key.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// A client that sends them.
    pub(crate) fn builder(&self) -> Builder {
        let builder = Client::builder();
        match (&self.key_file, &self.key) {
            (Some(path), _) => {
                let path = path.clone();
                builder.credentials(move || {
                    let path = path.clone();
                    async move {
                        let text = tokio::fs::read_to_string(&path).await;
                        let text = text.map_err(|e| format!("cannot read {}: {e}", path.display()))?;
                        Ok::<_, String>(text.trim().to_owned())
                    }
                })
            }
            (None, Some(key)) => builder.key(key),
            (None, None) => builder,
        }
    }
}

/// Without the key.
impl std::fmt::Debug for ClientArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientArgs").field("api", &self.api.as_str()).field("json", &self.json).finish_non_exhaustive()
    }
}

impl ClientArgs {
    /// A client that reports what it retries.
    ///
    /// # Errors
    /// If it cannot be built.
    pub(crate) fn connect(&self, messages: &Messages) -> Result<Client, Failure> {
        let messages = messages.clone();
        let builder = self.credentials.builder().on_retry(move |retry| {
            let text = match retry.request {
                // One message is enough for retries that last a minute.
                RequestKind::Poll if retry.failures > 1 => return,
                RequestKind::Poll => format!("S3 does not respond ({}); retrying for a minute", retry.reason),
                _ => format!("{}; retrying in {}", retry.reason, span::in_words(retry.wait.as_secs_f64())),
            };
            messages.print(&text);
        });
        Ok(builder.build(self.api.as_str())?)
    }
}

/// Parses the URL of an api; a path is kept, for an api behind a gateway's stage.
pub(crate) fn api_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.host().is_some());
    let url = url.ok_or("write it as http://HOST:PORT or https://HOST")?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it cannot have a query or a fragment".to_owned());
    }
    Ok(url)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Problem(problem) => Self::Refused(render::problem(&problem, output::message_paint())),
            Error::InvalidInput(why) => Self::Usage(why),
            e @ (Error::Unreachable(_) | Error::Timeout) => Self::Unreachable(e.to_string()),
            e => Self::Refused(e.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_is_an_http_url() {
        for good in ["http://127.0.0.1:8080", "https://api.example.com/prod", "http://[::1]:1/"] {
            assert!(api_url(good).is_ok(), "{good}");
        }
        for bad in ["127.0.0.1:8080", "localhost:8080", "ftp://a", "http://", "http://a/?b=c", ""] {
            assert!(api_url(bad).is_err(), "{bad}");
        }
    }
}
