//! A caller's own credentials: an API key, or a token that is fetched and renewed.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use reqwest::header::HeaderValue;
use tokio::sync::Mutex;

use crate::error::Error;

type Source = dyn Fn() -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>> + Send + Sync;

/// What a client sends to the api as `Authorization: Bearer`, and to nobody else.
#[derive(Clone)]
pub(crate) struct Credentials {
    source: Arc<Source>,
    /// What the source gave last: it is asked again when the api refuses that.
    kept: Arc<Mutex<Option<HeaderValue>>>,
}

impl Credentials {
    pub(crate) fn new<F, E>(source: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String, E>> + Send + 'static,
        E: fmt::Display,
    {
        let source = move || -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>> {
            let token = source();
            Box::pin(async move { token.await.map_err(|e| e.to_string()) })
        };
        Self { source: Arc::new(source), kept: Arc::default() }
    }

    /// The header's value; a new one if `refused` is the one that is kept.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the source has none, or what it has cannot be a header.
    pub(crate) async fn header(&self, refused: Option<&HeaderValue>) -> Result<HeaderValue, Error> {
        let mut kept = self.kept.lock().await;
        if let Some(value) = kept.as_ref().filter(|value| Some(*value) != refused) {
            return Ok(value.clone());
        }
        let token = (self.source)().await;
        let token = token.map_err(|e| Error::InvalidInput(format!("there are no credentials for the api: {e}")))?;
        let value =
            bearer(&token).ok_or_else(|| Error::InvalidInput("the credentials cannot be a header".to_owned()))?;
        Ok(kept.insert(value).clone())
    }
}

/// The value of `Authorization: Bearer`, which no log prints.
pub(crate) fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}
