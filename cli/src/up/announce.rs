//! What `up` prints when the service is ready. Pure.

use std::path::Path;

use offload_local::Endpoints;
use offload_service::settings::StoreSettings;
use serde::Serialize;

use super::{
    chaos::Chaos,
    secrets::Secrets,
    stack::{QUEUE, REGION},
};
use crate::{
    client::DEFAULT_API,
    paint::{Paint, table},
    render::count,
};

/// An order of the built-in schema.
const EXAMPLE: &str = r#"{"kind":"fulfilment","items":[{"sku":"A-1","quantity":2}]}"#;

/// What runs.
pub(super) struct Running<'a> {
    pub(super) api: String,
    /// The probes and the metrics, where they have a listener of their own.
    pub(super) admin: Option<String>,
    /// Where the console is, if it is on.
    pub(super) console: Option<String>,
    /// Whether webhooks may go to this machine.
    pub(super) loopback_webhooks: bool,
    pub(super) endpoints: &'a Endpoints,
    /// Where the counted calls are.
    pub(super) calls: &'a str,
    pub(super) store: &'a StoreSettings,
    pub(super) workers: usize,
    /// The processor, in words.
    pub(super) work: &'a str,
    /// Whether orders have a schema of the team's own.
    pub(super) own_schema: bool,
    pub(super) data: Option<&'a Path>,
    /// The injected faults.
    pub(super) chaos: Option<&'a Chaos>,
    pub(super) secrets: &'a Secrets,
}

/// The line of `--json`.
#[derive(Serialize)]
struct ReadyLine<'a> {
    api: &'a str,
    s3: &'a str,
    sqs: &'a str,
    dynamodb: &'a str,
    sts: &'a str,
    region: &'a str,
    bucket: &'a str,
    queue_url: &'a str,
    table: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_queue_url: Option<&'a str>,
    webhook_secret: &'a str,
    calls: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    console: Option<String>,
}

impl Running<'_> {
    /// One line of JSON, for scripts.
    pub(super) fn json(&self) -> String {
        let webhook_secret = self.secrets.webhook_secret();
        let line = ReadyLine {
            webhook_secret: &webhook_secret,
            calls: self.calls,
            api: &self.api,
            admin: self.admin.as_deref(),
            console: self.console.clone(),
            s3: &self.endpoints.s3,
            sqs: &self.endpoints.sqs,
            dynamodb: &self.endpoints.dynamodb,
            sts: &self.endpoints.sts,
            region: REGION,
            bucket: &self.store.bucket,
            queue_url: &self.store.queue_url,
            table: &self.store.table,
            access_key_id: &self.secrets.access_key_id,
            secret_access_key: &self.secrets.secret_access_key,
            dead_letter_queue_url: self.store.dead_letter_queue_url.as_deref(),
        };
        serde_json::to_string(&line).expect("a struct of strings is always JSON")
    }

    /// A page for people. `program` is how to call this program.
    pub(super) fn text(&self, program: &str, paint: Paint) -> String {
        let orders = count(self.workers as u64, "order");
        let data = match self.data {
            Some(directory) => format!("{}; keys in secrets.json", directory.display()),
            None => "in memory, lost at the end; --data DIR keeps it".to_owned(),
        };
        let webhooks = if self.loopback_webhooks { "to this machine too" } else { "not to this machine" };
        let mut rows = vec![
            ("api", format!("{}   documentation at /docs", self.api)),
            ("S3, STS", format!("{}   bucket {}", self.endpoints.s3, self.store.bucket)),
            ("SQS", format!("{}   queue {}", self.endpoints.sqs, QUEUE)),
            ("DynamoDB", format!("{}   table {}", self.endpoints.dynamodb, self.store.table)),
            ("worker", format!("{orders} at once; {}", self.work)),
            ("webhooks", format!("{webhooks}; secret {}", self.secrets.webhook_secret())),
            ("data", data),
        ];
        if let Some(console) = &self.console {
            rows.insert(1, ("console", format!("{console}   open it in a browser")));
        }
        if let Some(admin) = &self.admin {
            rows.insert(1, ("admin", format!("{admin}   /admin, /healthz, /readyz, /metrics")));
        }
        if let Some(chaos) = self.chaos {
            rows.push(("chaos", format!("{chaos}; polls of S3 meet them too")));
        }
        let (body, order) = if self.own_schema {
            ("@order.json".to_owned(), "@order.json".to_owned())
        } else {
            (format!("'{EXAMPLE}'"), format!("'{EXAMPLE}'"))
        };
        let flag = if self.api == DEFAULT_API { String::new() } else { format!(" --api {}", self.api) };
        let url = &self.api;
        format!(
            "{title}\n\n{table}\n\
             Submit an order:\n  \
             curl -s -X POST {url}/order -H 'content-type: application/json' -d {body}\n\
             The response holds a status_url. Poll it after poll_after_ms, until done is true:\n  \
             curl -s 'STATUS_URL'\n\
             Or subscribe to every status update, with the order_token of the response:\n  \
             curl -sN '{url}/order/ID/events?token=ORDER_TOKEN'\n\
             Or do all of it at once:\n  \
             {program} submit {order} --wait{flag}\n\n\
             {end}",
            title = paint.bold("status-offload is ready"),
            table = table(&rows, "  ", paint),
            end = paint.dim("Ctrl-C stops it."),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use offload_service::settings::Calls;

    use super::*;

    /// The line for scripts and the page for people.
    fn announcement(api: &str, own_schema: bool, program: &str) -> (String, String) {
        let endpoints = Endpoints {
            s3: "http://127.0.0.1:9000".into(),
            sqs: "http://127.0.0.1:9324".into(),
            dynamodb: "http://127.0.0.1:8000".into(),
            sts: "http://127.0.0.1:9000".into(),
        };
        let store = StoreSettings {
            bucket: "b".into(),
            queue_url: "http://127.0.0.1:9324/000000000000/orders".into(),
            high_queue_url: None,
            low_queue_url: None,
            quiet_queue_url: None,
            dead_letter_queue_url: None,
            notifications: None,
            table: "t".into(),
            signer_role_arn: None,
            s3_path_style: None,
            public_s3_endpoint: None,
            retention: Duration::ZERO,
            default_deadline: Duration::ZERO,
            resend_after: Duration::ZERO,
            calls: Calls::Direct,
        };
        let secrets = Secrets::fresh();
        let chaos: Chaos = "errors=0.1,reorder".parse().unwrap();
        let running = Running {
            api: api.into(),
            admin: own_schema.then(|| "http://127.0.0.1:8081".to_owned()),
            loopback_webhooks: own_schema,
            console: own_schema.then(|| format!("{api}/")),
            endpoints: &endpoints,
            calls: "http://127.0.0.1:9000/_calls",
            store: &store,
            workers: 10,
            work: "demo",
            own_schema,
            data: None,
            chaos: own_schema.then_some(&chaos),
            secrets: &secrets,
        };
        (running.json(), running.text(program, Paint::new(false)))
    }

    #[test]
    fn scripts_get_one_line_with_every_member_in_order() {
        let (line, _) = announcement("http://127.0.0.1:8080", false, "offload");
        let names = "api s3 sqs dynamodb sts region bucket queue_url table access_key_id secret_access_key";
        let positions: Vec<_> = names.split(' ').map(|n| line.find(&format!("\"{n}\":")).expect(n)).collect();
        assert!(positions.is_sorted() && !line.contains('\n'), "{line}");
    }

    #[test]
    fn people_get_commands_to_copy() {
        let (_, text) = announcement("http://127.0.0.1:8080", false, "offload");
        let curl = "  curl -s -X POST http://127.0.0.1:8080/order -H 'content-type: application/json' \
                    -d '{\"kind\":\"fulfilment\",\"items\":[{\"sku\":\"A-1\",\"quantity\":2}]}'\n";
        assert!(text.contains(curl) && text.contains("offload submit '{") && text.contains("--wait\n"), "{text}");
        assert!(!text.contains('\x1b'));
        let (_, text) = announcement("http://127.0.0.1:1", true, "target/release/offload");
        assert!(text.contains("target/release/offload submit @order.json --wait --api http://127.0.0.1:1\n"), "{text}");
        assert!(text.contains("console") && text.contains("http://127.0.0.1:1/ "), "{text}");
        assert!(text.contains("http://127.0.0.1:8081   /admin, /healthz"), "{text}");
        assert!(text.contains("chaos") && text.contains("errors=0.1, reorder; polls of S3 meet them too\n"), "{text}");
    }
}
