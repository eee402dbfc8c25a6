//! Where a page's servers are: as the page has it, and as it is on the ports that were free.

use std::net::TcpListener;

use serde_json::Value;

/// Pairs of an address on the page and the real one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses(Vec<(String, String)>);

impl Addresses {
    /// Those of a stack, from the line that `offload up --json` prints, in place of the ones
    /// before.
    pub(crate) fn set_stack(&mut self, ready: &Value) {
        let defaults = [
            ("127.0.0.1:8080", "api"),
            ("127.0.0.1:9000", "s3"),
            ("127.0.0.1:9324", "sqs"),
            ("127.0.0.1:8000", "dynamodb"),
        ];
        for (default, name) in defaults {
            self.0.retain(|(page, _)| page != default);
            let url = ready[name].as_str().unwrap_or_default();
            self.0.push((default.to_owned(), url.trim_start_matches("http://").to_owned()));
        }
    }

    /// A free port for a server of the reader's own, however the page writes its address.
    pub(crate) fn give_free_port(&mut self, address: &str) {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        let tuple = |address: &str| address.rsplit_once(':').map(|(host, port)| format!("(\"{host}\", {port})"));
        self.0.extend(tuple(address).zip(tuple(&free.to_string())));
        self.0.push((address.to_owned(), free.to_string()));
    }

    /// The URL of the api.
    pub(crate) fn api(&self) -> String {
        self.real("http://127.0.0.1:8080")
    }

    /// A text of the page with the real addresses.
    pub(crate) fn real(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (page, real)| text.replace(page, real))
    }

    /// A text that a program printed, with the page's addresses.
    pub(crate) fn on_the_page(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (page, real)| text.replace(real, page))
    }
}
