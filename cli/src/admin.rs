//! The admin API, and the key that opens it: for the commands of operators that ask a running
//! service.

use std::time::Duration;

use clap::Args;
use reqwest::{Client, Method};
use serde_json::Value;
use url::Url;

use crate::failure::Failure;

/// The longest that an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// The largest answer: a page of a hundred orders has a tenth of it.
const BODY_MAX_BYTES: usize = 4 << 20;

/// Who asks.
#[derive(Clone, Args)]
pub(crate) struct OperatorArgs {
    /// The console's key, or an API key of the role admin; none where the console is open
    #[arg(long, value_name = "KEY", env = "OFFLOAD_CONSOLE_KEY", hide_env_values = true)]
    key: Option<String>,
}

/// Without the key.
impl std::fmt::Debug for OperatorArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OperatorArgs").finish_non_exhaustive()
    }
}

/// The admin API of one service.
#[derive(Clone)]
pub(crate) struct Admin {
    http: Client,
    base: String,
    key: Option<String>,
}

impl Admin {
    /// The admin API of the service at this URL.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub(crate) fn of(api: &Url, operator: &OperatorArgs) -> Result<Self, Failure> {
        let http = Client::builder().build().map_err(|e| Failure::Refused(e.to_string()))?;
        Ok(Self { http, base: api.as_str().trim_end_matches('/').to_owned(), key: operator.key.clone() })
    }

    /// Asks a route below `/admin`.
    ///
    /// # Errors
    /// Why there is no answer, or none that it asked for.
    pub(crate) async fn ask(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let url = Url::parse_with_params(&format!("{}/admin/{path}", self.base), query).map_err(|e| e.to_string())?;
        let request = self.http.request(method, url).timeout(ANSWER_MAX);
        let request = match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let silent = |e: reqwest::Error| format!("{} does not answer: {}", self.base, e.without_url());
        let mut response = request.send().await.map_err(silent)?;
        let (status, mut bytes) = (response.status(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(silent)? {
            if bytes.len() + chunk.len() > BODY_MAX_BYTES {
                return Err(format!("{} answered more than {} MB", self.base, BODY_MAX_BYTES >> 20));
            }
            bytes.extend_from_slice(&chunk);
        }
        let body: Value = serde_json::from_slice(&bytes).map_err(|_| format!("answered {status}, and no JSON"))?;
        if status.is_success() {
            return Ok(body);
        }
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Err(format!("{}: {}", text("title"), text("detail")))
    }
}
