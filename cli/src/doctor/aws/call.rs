//! Calls to AWS that no SDK makes: each is signed, bounded in time and size, and only reads.

use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use chrono::{DateTime, TimeDelta};
use offload_service::clock::Exchange;
use offload_stores::{Endpoints, RequestSigner};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::actions::ACTIONS;
use crate::doctor::facts::{Fact, Unknown, unknown};

/// The longest that one call may take. A service that took so long is not asked again.
const CALL: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(3);
/// Tries of a call that is throttled or fails for a reason of AWS's own.
const TRIES: u32 = 3;
const WAIT: Duration = Duration::from_millis(400);
/// The largest answer: a page of functions with all their variables has 300 KB.
const ANSWER_MAX_BYTES: usize = 8 << 20;
/// The most pages of a list.
pub(super) const PAGES_MAX: usize = 20;

/// A service, as signatures, endpoints and the SDKs' variables name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    pub(super) signed_as: &'static str,
    host: &'static str,
    variable: &'static str,
}

pub(super) const S3: Service = Service { signed_as: "s3", host: "s3", variable: "S3" };
pub(super) const SQS: Service = Service { signed_as: "sqs", host: "sqs", variable: "SQS" };
pub(super) const DYNAMODB: Service = Service { signed_as: "dynamodb", host: "dynamodb", variable: "DYNAMODB" };
pub(super) const LAMBDA: Service = Service { signed_as: "lambda", host: "lambda", variable: "LAMBDA" };
pub(super) const ECS: Service = Service { signed_as: "ecs", host: "ecs", variable: "ECS" };
pub(super) const GATEWAY: Service = Service { signed_as: "apigateway", host: "apigateway", variable: "APIGATEWAYV2" };
pub(super) const CLOUDWATCH: Service = Service { signed_as: "monitoring", host: "monitoring", variable: "CLOUDWATCH" };
pub(super) const IAM: Service = Service { signed_as: "iam", host: "iam", variable: "IAM" };

impl Service {
    /// The action of IAM that an operation needs.
    fn action(self, operation: &str) -> String {
        match self.signed_as {
            "apigateway" => "apigateway:GET".to_owned(),
            "monitoring" => format!("cloudwatch:{operation}"),
            service => format!("{service}:{operation}"),
        }
    }
}

/// Calls AWS with the operator's credentials.
pub(super) struct Caller {
    http: reqwest::Client,
    signer: RequestSigner,
    /// Where the embedded stack is; it has no other services.
    embedded: Option<Endpoints>,
    silent: Mutex<BTreeSet<&'static str>>,
    offset: Mutex<Option<TimeDelta>>,
}

/// An answer with a status that says that there is something, or nothing.
struct Answer {
    status: u16,
    text: String,
    headers: reqwest::header::HeaderMap,
}

impl Caller {
    pub(super) fn new(signer: RequestSigner, embedded: Option<Endpoints>) -> Result<Self, String> {
        let http = reqwest::Client::builder().timeout(CALL).connect_timeout(CONNECT).no_proxy();
        let http = http.redirect(reqwest::redirect::Policy::none()).build().map_err(|e| e.to_string())?;
        Ok(Self { http, signer, embedded, silent: Mutex::default(), offset: Mutex::default() })
    }

    /// What the services' clocks are ahead of this machine's, by the last answer that had a date.
    pub(super) fn clock_offset(&self) -> Fact<TimeDelta> {
        let offset = *self.offset.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        offset.ok_or_else(|| Unknown("no answer had a date".to_owned()))
    }

    /// An operation of a service that speaks JSON.
    pub(super) async fn json(&self, service: Service, target: &str, body: &Value) -> Fact<Value> {
        let version = if matches!(service.signed_as, "sqs" | "dynamodb") { "1.0" } else { "1.1" };
        let kind = format!("application/x-amz-json-{version}");
        let headers = [("content-type", kind.as_str()), ("x-amz-target", target)];
        let operation = target.rsplit('.').next().unwrap_or(target);
        let answer = self.call(service, operation, "POST", "/", &headers, body.to_string().as_bytes()).await?;
        Ok(serde_json::from_str(&good(service, operation, answer)?.text).unwrap_or_default())
    }

    /// A resource of a service that speaks REST with JSON; null where it does not exist.
    pub(super) async fn rest(&self, service: Service, operation: &str, path: &str) -> Fact<Value> {
        let answer = self.call(service, operation, "GET", path, &[], b"").await?;
        if answer.status == 404 {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_str(&good(service, operation, answer)?.text).unwrap_or_default())
    }

    /// An operation of a service that takes forms and answers in XML.
    pub(super) async fn query(&self, service: Service, operation: &str, form: &[(&str, &str)]) -> Fact<String> {
        let form = form.iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect::<String>();
        let version = if service.signed_as == "iam" { "2010-05-08" } else { "2010-08-01" };
        let body = format!("Action={operation}&Version={version}{form}");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.call(service, operation, "POST", "/", &headers, body.as_bytes()).await?;
        Ok(good(service, operation, answer)?.text)
    }

    /// A document of S3, and a header of the answer; `None` where there is none.
    pub(super) async fn s3(&self, operation: &str, path: &str, header: &str) -> Fact<Option<(String, Option<String>)>> {
        let hash = hex(&Sha256::digest(b""));
        let answer = self.call(S3, operation, "GET", path, &[("x-amz-content-sha256", &hash)], b"").await?;
        if answer.status == 404 && error_kind(&answer) != "NoSuchBucket" {
            return Ok(None);
        }
        let answer = good(S3, operation, answer)?;
        let header = answer.headers.get(header).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Some((answer.text, header)))
    }

    fn endpoint(&self, service: Service) -> Fact<(String, RequestSigner)> {
        if let Some(embedded) = &self.embedded {
            let url = match service.signed_as {
                "s3" => &embedded.s3,
                "sqs" => &embedded.sqs,
                "dynamodb" => &embedded.dynamodb,
                other => return Err(Unknown(format!("`offload up` has no {other}"))),
            };
            return Ok((url.clone(), self.signer.clone()));
        }
        if service.signed_as != "iam" {
            return Ok((self.signer.endpoint(service.variable, service.host), self.signer.clone()));
        }
        // IAM is in one region of each partition, and has a name without it.
        let (region, host) = match self.signer.region() {
            r if r.starts_with("cn-") => ("cn-north-1", "iam.cn-north-1.amazonaws.com.cn"),
            r if r.starts_with("us-gov-") => ("us-gov-west-1", "iam.us-gov.amazonaws.com"),
            _ => ("us-east-1", "iam.amazonaws.com"),
        };
        let set = ["AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL"].iter().find_map(|v| std::env::var(v).ok());
        Ok((set.unwrap_or_else(|| format!("https://{host}")), self.signer.in_region(region)))
    }

    async fn call(
        &self,
        service: Service,
        operation: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Fact<Answer> {
        let action = service.action(operation);
        debug_assert!(ACTIONS.contains(&action.as_str()), "{action} is not in the list of what is needed");
        let (endpoint, signer) = self.endpoint(service)?;
        if self.silent.lock().unwrap_or_else(std::sync::PoisonError::into_inner).contains(service.signed_as) {
            return unknown(&format!("{} does not answer", service.host));
        }
        let url = format!("{}{path}", endpoint.trim_end_matches('/'));
        let mut tries = 1;
        loop {
            let answer = self.attempt(service, &signer, method, &url, headers, body).await;
            let again = match &answer {
                Ok(answer) => {
                    answer.status == 429
                        || (answer.status >= 500 && answer.status != 501)
                        || answer.text.contains("Throttl")
                }
                Err(_) => false,
            };
            if !again || tries >= TRIES {
                return answer.map_err(|why| {
                    let mut silent = self.silent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    silent.insert(service.signed_as);
                    Unknown(format!("{action}: {why}"))
                });
            }
            tokio::time::sleep(WAIT * tries).await;
            tries += 1;
        }
    }

    async fn attempt(
        &self,
        service: Service,
        signer: &RequestSigner,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, String> {
        let signed = signer.sign(service.signed_as, method, url, headers, body).await;
        let signed = signed.map_err(|e| e.source.to_string())?;
        let method = if method == "GET" { reqwest::Method::GET } else { reqwest::Method::POST };
        let mut request = self.http.request(method, url).body(body.to_vec());
        for (name, value) in headers.iter().copied().chain(signed.iter().map(|(n, v)| (n.as_str(), v.as_str()))) {
            request = request.header(name, value);
        }
        let exchange = Exchange::begin();
        // Without the URL: nothing of a request belongs into a message.
        let mut response = request.send().await.map_err(|e| format!("it cannot be reached ({})", e.without_url()))?;
        let headers = response.headers().clone();
        let date = headers.get("date").and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
        if let Some(date) = date {
            exchange.learn(service.signed_as, date.into());
            let offset = offload_service::clock::offset();
            *self.offset.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(offset);
        }
        let (status, mut bytes) = (response.status().as_u16(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|e| e.without_url().to_string())? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_MAX_BYTES {
                return Err(format!("its answer has more than {} MB", ANSWER_MAX_BYTES >> 20));
            }
        }
        Ok(Answer { status, text: String::from_utf8_lossy(&bytes).into_owned(), headers })
    }
}

/// The answer, or what was refused.
fn good(service: Service, operation: &str, answer: Answer) -> Fact<Answer> {
    if (200..300).contains(&answer.status) {
        return Ok(answer);
    }
    let kind = error_kind(&answer);
    let denied = answer.status == 403 || kind.contains("AccessDenied") || kind.contains("NotAuthorized");
    let may_not = if denied { "these credentials may not: " } else { "" };
    unknown(&format!("{may_not}{} answered {} {kind}", service.action(operation), answer.status))
}

/// The name of an error, in whatever format: letters alone, because it is a text of others.
fn error_kind(answer: &Answer) -> String {
    let json: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    let xml = || answer.text.split_once("<Code>").and_then(|(_, rest)| rest.split('<').next()).map(str::to_owned);
    let header = || answer.headers.get("x-amzn-errortype").and_then(|h| h.to_str().ok()).map(str::to_owned);
    let kind = json["__type"].as_str().map(str::to_owned).or_else(header).or_else(xml).unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    kind.chars().filter(char::is_ascii_alphanumeric).take(60).collect()
}

/// As forms and paths have it.
pub(super) fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
