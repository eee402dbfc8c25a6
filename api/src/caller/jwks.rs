//! The keys of an issuer (RFC 7517): fetched when they are needed, and kept.
//!
//! Known keys are fetched again every ten minutes, and a key that is not among them at most every
//! half a minute: an issuer that rotates its keys publishes a new one before it signs with it, and
//! tokens with made-up key ids must not become requests to the issuer. While the issuer does not
//! answer, the keys that it had are good.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use offload_domain::json::without_mark;
use parking_lot::Mutex;
use reqwest::{Client, redirect};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};
use url::Url;

use super::refused::Refused;

/// The age at which known keys are fetched again.
const MAX_AGE: Duration = Duration::from_mins(10);
/// Between two fetches.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest that a fetch may take, in all.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest set of keys.
const MAX_BYTES: usize = 256 * 1024;

const UNAVAILABLE: Refused = Refused::Unavailable("the issuer's keys cannot be fetched");

/// The keys of one issuer.
#[derive(Debug)]
pub(super) struct Jwks {
    http: Client,
    url: Url,
    pause: Duration,
    max_age: Duration,
    kept: Mutex<Kept>,
    /// One fetch at a time.
    fetching: AsyncMutex<()>,
}

#[derive(Debug, Default, Clone)]
struct Kept {
    keys: Arc<Vec<Jwk>>,
    /// When the keys were fetched.
    fetched_at: Option<Instant>,
    /// When that was last tried, and whether it failed.
    tried: Option<(Instant, bool)>,
}

impl Jwks {
    /// # Errors
    /// If an HTTP client cannot be built.
    pub(super) fn new(url: Url) -> Result<Self, String> {
        // An error means that the process already has a provider, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .user_agent(concat!("status-offload/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(|e| format!("the client for the issuer's keys cannot be built: {e}"))?;
        let (kept, fetching) = (Mutex::default(), AsyncMutex::default());
        Ok(Self { http, url, pause: PAUSE, max_age: MAX_AGE, kept, fetching })
    }

    #[cfg(test)]
    pub(super) fn with_times(self, pause: Duration, max_age: Duration) -> Self {
        Self { pause, max_age, ..self }
    }

    /// The keys that may have signed a token: that of its key id, or all if it names none.
    ///
    /// # Errors
    /// If there is none, or the issuer cannot be asked.
    pub(super) async fn keys(&self, kid: Option<&str>) -> Result<Vec<Jwk>, Refused> {
        let known = self.kept.lock().clone();
        let found = known.find(kid);
        if !found.is_empty() {
            if known.fetched_at.is_none_or(|at| at.elapsed() >= self.max_age)
                && let Ok(_one) = self.fetching.try_lock()
                && self.may_fetch()
            {
                self.fetch().await;
                // What the issuer has withdrawn is good no more.
                return self.found(kid);
            }
            return Ok(found);
        }
        let _one = self.fetching.lock().await;
        // Somebody may have fetched it meanwhile.
        if self.kept.lock().find(kid).is_empty() && self.may_fetch() {
            self.fetch().await;
        }
        self.found(kid)
    }

    fn found(&self, kid: Option<&str>) -> Result<Vec<Jwk>, Refused> {
        let known = self.kept.lock().clone();
        match known.find(kid) {
            found if !found.is_empty() => Ok(found),
            _ if known.tried.is_some_and(|(_, failed)| failed) => Err(UNAVAILABLE),
            _ => Err(Refused::Invalid("the issuer has no such key")),
        }
    }

    fn may_fetch(&self) -> bool {
        self.kept.lock().tried.is_none_or(|(at, _)| at.elapsed() >= self.pause)
    }

    /// Fetches the keys; those before stay if that fails.
    async fn fetch(&self) {
        let fetched = self.download().await;
        let mut kept = self.kept.lock();
        kept.tried = Some((Instant::now(), fetched.is_err()));
        match fetched {
            Ok(keys) => (kept.keys, kept.fetched_at) = (Arc::new(keys), Some(Instant::now())),
            Err(e) => tracing::warn!(error = e, "cannot fetch the keys of the tokens' issuer"),
        }
    }

    async fn download(&self) -> Result<Vec<Jwk>, String> {
        let without_url = |e: reqwest::Error| e.without_url().to_string();
        let mut answer = self.http.get(self.url.clone()).send().await.map_err(without_url)?;
        if !answer.status().is_success() {
            return Err(format!("answered {}", answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(without_url)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(format!("the set has more than {MAX_BYTES} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        let set: JwkSet =
            serde_json::from_slice(without_mark(&body)).map_err(|_| "the answer is not a set of keys".to_owned())?;
        Ok(set.keys)
    }
}

impl Kept {
    fn find(&self, kid: Option<&str>) -> Vec<Jwk> {
        let named = |key: &&Jwk| kid.is_none_or(|kid| key.common.key_id.as_deref() == Some(kid));
        self.keys.iter().filter(named).cloned().collect()
    }
}
