//! Open connections: the same call to API Gateway's Management API and to our own api servers.

use async_trait::async_trait;
use offload_domain::{
    internal::{InternalKey, SIGNATURE, TIMESTAMP},
    notification::{Holder, Notification, OpenConnection, Target},
};
use offload_service::clock;
use offload_stores::RequestSigner;
use reqwest::Client;

use super::{Channel, Failure, Outcome, client};

pub(super) struct Connections {
    http: Client,
    signer: RequestSigner,
    key: Option<InternalKey>,
}

impl Connections {
    pub(super) fn new(http: Client, signer: RequestSigner, key: Option<InternalKey>) -> Self {
        Self { http, signer, key }
    }

    /// The headers that authenticate us to the holder.
    async fn headers(
        &self,
        holder: Holder,
        url: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Vec<(String, String)>, String> {
        match holder {
            Holder::ApiGateway => {
                self.signer.sign("execute-api", "POST", url, &[], body).await.map_err(|e| e.to_string())
            }
            Holder::ApiServer => {
                let key = self.key.as_ref().ok_or("this worker has no OFFLOAD_INTERNAL_SECRET, which the api wants")?;
                let now = clock::now().timestamp();
                let signature = key.sign(now, "POST", path, body);
                Ok(vec![(TIMESTAMP.to_owned(), now.to_string()), (SIGNATURE.to_owned(), signature)])
            }
        }
    }
}

#[async_trait]
impl Channel for Connections {
    async fn deliver(&self, notification: &Notification) -> Outcome {
        let Target::Connection(OpenConnection { holder, endpoint, id }) = &notification.target else {
            return Outcome::Gone { status: 410 };
        };
        let failed = |error| Outcome::Failed(Failure { status: None, error, retry_after: None });
        // API Gateway's ids end in `=`.
        let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let path = format!("/@connections/{id}");
        let url = format!("{}{path}", endpoint.trim_end_matches('/'));
        let body = match serde_json::to_vec(&notification.event) {
            Ok(body) => body,
            Err(e) => return failed(e.to_string()),
        };
        let mut request = self.http.post(&url);
        match self.headers(*holder, &url, &path, &body).await {
            Ok(headers) => {
                for (name, value) in headers {
                    request = request.header(name, value);
                }
            }
            Err(e) => return failed(e),
        }
        client::outcome(request.body(body).send().await)
    }
}
