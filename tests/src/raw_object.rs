//! S3 as a client with temporary credentials and an SDK of its own uses it.

use aws_credential_types::Credentials;
use serde_json::Value;

use crate::signer::Signer;

/// The credentials of one `status_access`.
pub struct RawObject {
    credentials: Credentials,
    region: String,
    base: String,
}

impl RawObject {
    /// The credentials of a response's `status_access`.
    ///
    /// # Panics
    /// If a member is missing.
    #[must_use]
    pub fn of(access: &Value) -> Self {
        let text = |name: &str| access[name].as_str().unwrap_or_else(|| panic!("{name} is missing")).to_owned();
        let (id, secret) = (text("access_key_id"), text("secret_access_key"));
        Self {
            credentials: Credentials::new(id, secret, Some(text("session_token")), None, "temporary"),
            region: text("region"),
            base: format!("{}/{}", text("endpoint"), text("bucket")),
        }
    }

    /// Reads an object: status and body.
    ///
    /// # Panics
    /// If there is no response.
    pub async fn get(&self, http: &reqwest::Client, key: &Value) -> (u16, String) {
        let url = format!("{}/{}", self.base, key.as_str().expect("a key"));
        let signer = Signer { credentials: &self.credentials, region: &self.region, service: "s3" };
        let mut request = http.get(&url);
        for (name, value) in signer.sign("GET", &url, &[], b"").expect("it can be signed") {
            request = request.header(name, value);
        }
        let response = request.send().await.expect("a response");
        (response.status().as_u16(), response.text().await.expect("a body"))
    }
}
