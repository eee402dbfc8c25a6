//! `POST /order` by hand: the least that the same calls can take. No framework, no SDK, one thread,
//! signatures with the key of the day kept, and three calls at once on connections that are kept.

mod connections;
mod signature;

use std::{cell::Cell, env, rc::Rc, time::Duration};

use anyhow::{Context as _, bail};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use md5::{Digest as _, Md5};
use offload_service::clock;
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{LocalSet, spawn_local},
    time::sleep,
};
use uuid::Uuid;

use connections::Service;
use signature::{Credentials, Signer, hex};

const URL_LIVES: u32 = 900;
const KEPT: TimeDelta = TimeDelta::days(37);
const HEADERS_MAX: usize = 64;
const JSON_HEADERS: [&str; 5] = ["content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"];

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Order {
    Fulfilment { items: Vec<Item> },
    Report {},
}

#[derive(Deserialize)]
struct Item {
    sku: String,
    quantity: u32,
}

impl Order {
    fn is_valid(&self) -> bool {
        let is_valid = |item: &Item| (1..=64).contains(&item.sku.len()) && (1..=1_000).contains(&item.quantity);
        match self {
            Self::Fulfilment { items } => (1..=100).contains(&items.len()) && items.iter().all(is_valid),
            Self::Report {} => true,
        }
    }
}

struct Api {
    dynamodb: Rc<Service>,
    s3: Rc<Service>,
    sqs: Rc<Service>,
    token: String,
    bucket: String,
    table: String,
    queue: String,
    listen: String,
    depth: Cell<u64>,
}

impl Api {
    fn new() -> anyhow::Result<Self> {
        let setting = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
        let endpoint = setting("AWS_ENDPOINT_URL")?;
        let host = endpoint.strip_prefix("http://").context("AWS_ENDPOINT_URL is not http://")?;
        let credentials = Credentials {
            access_key_id: setting("AWS_ACCESS_KEY_ID")?,
            secret_access_key: setting("AWS_SECRET_ACCESS_KEY")?,
            session_token: setting("AWS_SESSION_TOKEN")?,
        };
        let region = setting("AWS_REGION")?;
        let service = |name| Service::new(host, Signer::new(credentials.clone(), &region, name));
        Ok(Self {
            dynamodb: service("dynamodb"),
            s3: service("s3"),
            sqs: service("sqs"),
            token: credentials.session_token.clone(),
            bucket: setting("OFFLOAD_BUCKET")?,
            table: setting("OFFLOAD_TABLE")?,
            queue: setting("OFFLOAD_QUEUE_URL")?,
            listen: setting("OFFLOAD_LISTEN")?,
            depth: Cell::new(0),
        })
    }

    async fn read_depth(&self) -> anyhow::Result<()> {
        let body = format!(r#"{{"QueueUrl":"{}","AttributeNames":["ApproximateNumberOfMessages"]}}"#, self.queue);
        let request = self.json(&self.sqs, "AmazonSQS.GetQueueAttributes", &body, clock::now());
        let answer: Value = serde_json::from_slice(&self.sqs.send(&request).await?)?;
        let depth = answer["Attributes"]["ApproximateNumberOfMessages"].as_str().and_then(|n| n.parse().ok());
        self.depth.set(depth.context("no depth")?);
        Ok(())
    }

    fn json(&self, service: &Service, target: &str, body: &str, now: DateTime<Utc>) -> Vec<u8> {
        let values = ["application/x-amz-json-1.0", "", "", "", target];
        let headers: Vec<(&str, &str)> = JSON_HEADERS.into_iter().zip(values).collect();
        service.request("POST", "/", &headers, body.as_bytes(), &self.token, now)
    }

    /// Accepts an order; the whole answer.
    async fn accept(&self, body: &[u8]) -> anyhow::Result<String> {
        let payload = std::str::from_utf8(body)?;
        if !serde_json::from_str::<Order>(payload)?.is_valid() {
            bail!("no valid order");
        }
        let (id, now) = (Uuid::now_v7(), clock::now());
        let after = |seconds: f64| text(now + Duration::from_secs_f64(seconds));
        let created = text(now);
        let path = format!("/{}/status/{:02x}/{id}.json", self.bucket, id.as_bytes()[15]);
        let key = &path[self.bucket.len() + 2..];
        let renew = format!("http://{}/order/{id}", self.listen);
        // By the mean of two seconds, over ten workers.
        let depth = self.depth.get();
        let seconds = 2.0 * (1.0 + depth as f64 / 10.0);
        let (at, earliest, latest) = (after(seconds), after(seconds * 0.7), after(seconds * 1.6));
        let poll_after = (seconds * 1e3).round();
        let status = format!(
            r#"{{"id":"{id}","status":"pending","done":false,"revision":1,"attempt":0,"created_at":"{created}","updated_at":"{created}","started_at":null,"finished_at":null,"progress":null,"eta":{{"at":"{at}","earliest_at":"{earliest}","latest_at":"{latest}"}},"poll_after_ms":{poll_after},"result":null,"result_url":null,"result_url_expires_at":null,"error":null,"renew":"{renew}"}}"#
        );
        let etag = hex(&Md5::digest(&status));
        let payload = serde_json::to_string(payload)?;
        let (table, queue, expires) = (&self.table, &self.queue, (now + KEPT).timestamp());
        let row = format!(
            r#"{{"TableName":"{table}","Item":{{"id":{{"S":"{id}"}},"payload":{{"S":{payload}}},"status":{{"S":"pending"}},"revision":{{"N":"1"}},"attempt":{{"N":"0"}},"created_at":{{"S":"{created}"}},"updated_at":{{"S":"{created}"}},"renew":{{"S":"{renew}"}},"expires_at":{{"N":"{expires}"}}}},"ConditionExpression":"attribute_not_exists(id)"}}"#
        );
        let message = serde_json::to_string(&format!(r#"{{"v":1,"id":"{id}","key":"{key}","etag":"\"{etag}\""}}"#))?;
        let message = format!(r#"{{"QueueUrl":"{queue}","MessageBody":{message}}}"#);
        let headers = [
            ("cache-control", "no-cache"),
            ("content-type", "application/json"),
            ("host", ""),
            ("if-none-match", "*"),
            ("x-amz-content-sha256", ""),
            ("x-amz-date", ""),
            ("x-amz-security-token", ""),
        ];
        let put_item = self.json(&self.dynamodb, "DynamoDB_20120810.PutItem", &row, now);
        let put_object = self.s3.request("PUT", &path, &headers, status.as_bytes(), &self.token, now);
        let send_message = self.json(&self.sqs, "AmazonSQS.SendMessage", &message, now);
        let (item, object, message) =
            tokio::join!(self.dynamodb.send(&put_item), self.s3.send(&put_object), self.sqs.send(&send_message));
        for answer in [item, object, message] {
            answer?;
        }
        let url = self.s3.signer.borrow_mut().presign(&self.s3.host, &path, URL_LIVES, now);
        let (p10, p90) = (seconds * 0.7, seconds * 1.6);
        let (until, retry_after) = (after(f64::from(URL_LIVES)), seconds.ceil());
        let body = format!(
            r#"{{"id":"{id}","status":"pending","status_url":"{url}","status_url_expires_at":"{until}","eta":{{"seconds":{seconds},"p10_seconds":{p10},"p90_seconds":{p90},"at":"{at}","queue_depth":{depth},"basis":"configured"}},"poll_after_ms":{poll_after},"links":{{"self":"/order/{id}"}}}}"#
        );
        Ok(format!(
            "HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\nlocation: /order/{id}\r\nretry-after: {retry_after}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// Serves a client until it goes away.
    async fn serve(&self, mut stream: TcpStream) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        let mut read = Vec::with_capacity(4_096);
        loop {
            let request = loop {
                let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
                let mut request = httparse::Request::new(&mut headers);
                if let httparse::Status::Complete(head) = request.parse(&read)? {
                    let length = request.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length"));
                    let length: usize = std::str::from_utf8(length.context("no length")?.value)?.parse()?;
                    let is_order = request.method == Some("POST") && request.path == Some("/order");
                    if read.len() >= head + length {
                        break (head, length, is_order);
                    }
                }
                if stream.read_buf(&mut read).await? == 0 {
                    return Ok(());
                }
            };
            let (head, length, is_order) = request;
            let answer = match self.accept(&read[head..head + length]).await {
                Ok(answer) if is_order => answer,
                Ok(_) => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
                Err(e) => {
                    format!("HTTP/1.1 503 Service Unavailable\r\ncontent-length: {}\r\n\r\n{e}", e.to_string().len())
                }
            };
            read.drain(..head + length);
            stream.write_all(answer.as_bytes()).await?;
        }
    }
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    LocalSet::new().run_until(run()).await
}

async fn run() -> anyhow::Result<()> {
    let api = Rc::new(Api::new()?);
    api.read_depth().await?;
    let reader = Rc::clone(&api);
    spawn_local(async move {
        loop {
            sleep(Duration::from_secs(1)).await;
            // The depth of before serves until the queue answers again.
            let _ = reader.read_depth().await;
        }
    });
    let listener = TcpListener::bind(&api.listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let api = Rc::clone(&api);
        spawn_local(async move {
            let _ = api.serve(stream).await;
        });
    }
}
