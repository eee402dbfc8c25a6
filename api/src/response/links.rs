//! The URLs of an order. Pure.

use offload_domain::id::OrderId;
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

/// The api's own address as clients reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    /// `https://api.example.org` or `https://example.org/offload`, without a slash at the end.
    base: String,
    /// The path of `base`: empty or `/offload`.
    path: String,
}

/// The URLs of an order. A member is absent where this deployment does not serve it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Links {
    /// The order itself: its status, fresh URLs (with the order token).
    #[serde(rename = "self")]
    #[schema(format = "uri")]
    pub(crate) this: String,
    /// Its status as server-sent events (with the order token as the query parameter `token`, or as
    /// a header).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub(crate) events: Option<String>,
    /// The status of many orders over one WebSocket (with the order token as the query parameter
    /// `token`, or in a message).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub(crate) websocket: Option<String>,
}

impl PublicUrl {
    pub(crate) fn new(url: &Url) -> Self {
        let trim = |s: &str| s.trim_end_matches('/').to_owned();
        let mut bare = url.clone();
        bare.set_query(None);
        bare.set_fragment(None);
        Self { base: trim(bare.as_str()), path: trim(url.path()) }
    }

    /// The URL itself, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Whether clients reach the api by TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.base.starts_with("https://")
    }

    /// A path of the api as clients reach it.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.path)
    }

    /// The order's URL.
    pub(crate) fn order(&self, id: OrderId) -> String {
        format!("{}/order/{id}", self.base)
    }

    /// The URL of a group.
    pub(crate) fn group(&self, id: OrderId) -> String {
        format!("{}/group/{id}", self.base)
    }

    /// The same as an absolute path, for `Location`.
    pub(crate) fn order_path(&self, id: OrderId) -> String {
        format!("{}/order/{id}", self.path)
    }

    /// The order's links; `events` and `websocket` if this server has push.
    pub(crate) fn links(&self, id: OrderId, push: bool) -> Links {
        let this = self.order(id);
        let events = push.then(|| format!("{this}/events"));
        // https becomes wss.
        let websocket = push.then(|| format!("{}/ws", self.base.replacen("http", "ws", 1)));
        Links { this, events, websocket }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_found_under_the_public_url() {
        let id = OrderId::new(chrono::DateTime::UNIX_EPOCH);
        for (url, absolute, path) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
            ("https://example.org/", "https://example.org", ""),
            ("https://example.org/offload/", "https://example.org/offload", "/offload"),
            ("https://example.org/offload?x#y", "https://example.org/offload", "/offload"),
        ] {
            let public = PublicUrl::new(&Url::parse(url).unwrap());
            assert_eq!(public.order(id), format!("{absolute}/order/{id}"));
            assert_eq!(public.order_path(id), format!("{path}/order/{id}"));
            let links = public.links(id, false);
            assert_eq!((links.this, links.events, links.websocket), (public.order(id), None, None));
            let links = public.links(id, true);
            assert_eq!(links.events, Some(format!("{absolute}/order/{id}/events")));
            assert_eq!(links.websocket.unwrap(), format!("{}/ws", absolute.replace("http", "ws")));
        }
    }
}
