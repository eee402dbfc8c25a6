//! Open connections: the same call to API Gateway's Management API and to our own api servers.

use offload_domain::{
    event::StatusEvent,
    internal::{InternalKey, SIGNATURE, TIMESTAMP},
    json::to_json,
    notification::{Holder, OpenConnection},
};
use offload_service::clock;
use offload_stores::RequestSigner;
use reqwest::Client;

use super::super::{attempt::AttemptResult, client};

pub(super) struct Connections {
    http: Client,
    signer: RequestSigner,
    key: Option<InternalKey>,
}

impl Connections {
    pub(super) fn new(http: Client, signer: RequestSigner, key: Option<InternalKey>) -> Self {
        Self { http, signer, key }
    }

    pub(super) async fn deliver(&self, connection: &OpenConnection, event: &StatusEvent) -> AttemptResult {
        let OpenConnection { holder, endpoint, id } = connection;
        // API Gateway's ids end in `=`.
        let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let path = format!("/@connections/{id}");
        let url = format!("{}{path}", endpoint.trim_end_matches('/'));
        let body = to_json(event);
        let mut request = self.http.post(&url);
        match self.headers(*holder, &url, &path, body.as_bytes()).await {
            Ok(headers) => {
                for (name, value) in headers {
                    request = request.header(name, value);
                }
            }
            Err(error) => return AttemptResult::failed(error),
        }
        client::attempt_result(request.body(body).send().await)
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
                // Not for ever: another worker may have it.
                let key = self.key.as_ref().ok_or("this worker has no OFFLOAD_INTERNAL_SECRET, which the api wants")?;
                let now = clock::now().timestamp();
                let signature = key.sign(now, "POST", path, body);
                Ok(vec![(TIMESTAMP.to_owned(), now.to_string()), (SIGNATURE.to_owned(), signature)])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::post};
    use offload_domain::status::Status;
    use parking_lot::Mutex;

    use super::{super::super::testing, *};

    /// The names of the headers by which a holder could know us, of the last request.
    async fn authentication(holder: Holder) -> Vec<String> {
        let received = std::sync::Arc::new(Mutex::new(Vec::new()));
        let kept = std::sync::Arc::clone(&received);
        let keep = async move |headers: axum::http::HeaderMap| {
            let known = ["authorization", TIMESTAMP, SIGNATURE];
            *kept.lock() = known.into_iter().filter(|name| headers.contains_key(*name)).map(str::to_owned).collect();
        };
        let endpoint = testing::serve(Router::new().route("/@connections/{id}", post(keep))).await;
        let key = InternalKey::new(&"k".repeat(32)).unwrap();
        let http = client::build(client::builder()).unwrap();
        let connections = Connections::new(http, testing::signer().await, Some(key));
        let connection = OpenConnection { holder, endpoint: endpoint.to_string(), id: "a=".into() };
        let result = connections.deliver(&connection, &testing::event(Status::Completed)).await;
        assert_eq!(result, AttemptResult::Delivered { status: 200 });
        received.lock().clone()
    }

    #[tokio::test]
    async fn the_stored_holder_decides_how_we_authenticate() {
        assert_eq!(authentication(Holder::ApiGateway).await, ["authorization"]);
        assert_eq!(authentication(Holder::ApiServer).await, [TIMESTAMP, SIGNATURE]);
    }
}
