//! Secrets that a setting names by their ARNs: two small calls, signed and sent without SDKs of
//! their own, which would make the functions a third larger.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::{Region, SdkConfig};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use futures_util::future::join_all;
use offload_service::{
    clock,
    settings::{SecretArn, SecretService},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::{aws_time::was_refused_for_its_time, credentials::CachedCredentials, signed::RequestSigner};

/// The longest that one try may take.
const ATTEMPT: Duration = Duration::from_secs(2);
/// A function has ten seconds to start. SSM answers forty calls a second by default, so a burst of
/// functions that start waits its turn.
const PATIENCE: Duration = Duration::from_secs(8);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The most parameters of one call.
const PARAMETERS_MAX: usize = 10;
/// What AWS says of a refusal is a sentence or two.
const REASON_MAX_CHARS: usize = 300;

/// What calls the services that keep secrets.
pub(crate) struct SecretReader<'a> {
    pub(crate) sdk: &'a SdkConfig,
    pub(crate) credentials: Arc<CachedCredentials>,
    pub(crate) http: SharedHttpConnector,
}

impl SecretReader<'_> {
    /// The secrets of ARNs, in their order; for one that cannot be read the end of a sentence that
    /// begins with the ARN, "which". Nothing of a secret is in it.
    pub(crate) async fn read(&self, arns: &[SecretArn]) -> Vec<Result<String, String>> {
        let mut parameters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for arn in arns.iter().filter(|arn| arn.service == SecretService::Ssm) {
            parameters.entry(&arn.region).or_default().push(&arn.id);
        }
        let calls =
            parameters.iter().flat_map(|(region, ids)| ids.chunks(PARAMETERS_MAX).map(move |ids| (region, ids)));
        let parameters = join_all(calls.map(|(region, ids)| self.parameters(region, ids))).await;
        let parameters: BTreeMap<String, Result<String, String>> = parameters.into_iter().flatten().collect();
        join_all(arns.iter().map(async |arn| match arn.service {
            SecretService::Ssm => parameters.get(&arn.id).cloned().unwrap_or_else(|| Err(missing())),
            SecretService::SecretsManager => self.secret(arn).await,
        }))
        .await
    }

    async fn parameters(&self, region: &str, ids: &[&str]) -> Vec<(String, Result<String, String>)> {
        let service = Service { name: "ssm", endpoint: "SSM", target: "AmazonSSM.GetParameters", region };
        let answer = match self.call(&service, &json!({"Names": ids, "WithDecryption": true})).await {
            Ok(answer) => answer,
            Err(reason) => return ids.iter().map(|id| ((*id).to_owned(), Err(reason.clone()))).collect(),
        };
        let found = answer["Parameters"].as_array().into_iter().flatten();
        let found = found.filter_map(|parameter| {
            // The version or label that was asked for is beside the ARN.
            let id = format!("{}{}", parameter["ARN"].as_str()?, parameter["Selector"].as_str().unwrap_or_default());
            Some((id, Ok(parameter["Value"].as_str()?.to_owned())))
        });
        found.collect()
    }

    async fn secret(&self, arn: &SecretArn) -> Result<String, String> {
        let (target, region) = ("secretsmanager.GetSecretValue", arn.region.as_str());
        let service = Service { name: "secretsmanager", endpoint: "SECRETS_MANAGER", target, region };
        let mut body = json!({"SecretId": arn.id});
        for (name, value) in [("VersionStage", &arn.stage), ("VersionId", &arn.version)] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        let answer = self.call(&service, &body).await?;
        let text = answer["SecretString"].as_str().ok_or("holds bytes, not a text")?;
        let Some(member) = &arn.member else { return Ok(text.to_owned()) };
        let members =
            serde_json::from_str::<Value>(text).map_err(|_| "is not JSON, and so has no members".to_owned())?;
        let value = members.get(member).and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| format!("has no member {member} that is a text"))
    }

    /// Calls an operation until it answers, for as long as there is time.
    async fn call(&self, service: &Service<'_>, body: &Value) -> Result<Value, String> {
        let sdk = self.sdk.to_builder().region(Region::new(service.region.to_owned())).build();
        let signer = RequestSigner::new(&sdk, Arc::clone(&self.credentials));
        let url = signer.endpoint(service.endpoint, service.name);
        let end = Instant::now() + PATIENCE;
        let mut wait = FIRST_WAIT;
        loop {
            let failure = match timeout(ATTEMPT, self.attempt(&signer, service, &url, body)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::passing(&format!("{url} has not answered within {} s", ATTEMPT.as_secs())),
            };
            if !failure.passes || Instant::now() + wait >= end {
                return Err(failure.reason);
            }
            sleep(wait.mul_f64(jitter())).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn attempt(
        &self,
        signer: &RequestSigner,
        service: &Service<'_>,
        url: &str,
        body: &Value,
    ) -> Result<Value, Failure> {
        let body = body.to_string().into_bytes();
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", service.target)];
        let signed = signer.sign(service.name, "POST", url, &headers, &body).await;
        let signed = signed.map_err(|e| Failure::lasting(format!("cannot be asked for: {}", e.source)))?;
        let mut request = http::Request::post(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let request = request.body(SdkBody::from(body)).map_err(|e| e.to_string());
        let request = request.and_then(|request| HttpRequest::try_from(request).map_err(|e| e.to_string()));
        let request = request.map_err(|e| Failure::lasting(format!("cannot be asked for at {url}: {e}")))?;
        let unreachable =
            |e: &dyn std::error::Error| Failure::passing(&format!("cannot be read: {url}: {}", causes(e)));
        let response = self.http.call(request).await.map_err(|e| unreachable(&e))?;
        let (status, again) = (response.status(), was_refused_for_its_time(&response));
        let bytes = ByteStream::new(response.into_body()).collect().await.map_err(|e| unreachable(&e))?;
        let answer: Value = serde_json::from_slice(&bytes.into_bytes()).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let reason = refusal(status.as_u16(), &answer, service);
        let throttled = answer["__type"].as_str().is_some_and(|kind| kind.contains("Throttl"));
        Err(Failure { reason, passes: status.is_server_error() || throttled || again })
    }
}

/// A service that keeps secrets.
struct Service<'a> {
    /// As signatures and host names have it.
    name: &'a str,
    /// As `AWS_ENDPOINT_URL_…` has it.
    endpoint: &'a str,
    target: &'a str,
    region: &'a str,
}

struct Failure {
    reason: String,
    /// Whether another try may do better.
    passes: bool,
}

impl Failure {
    fn passing(reason: &str) -> Self {
        Self { reason: format!("{reason}; a function in a VPC needs a way there"), passes: true }
    }

    fn lasting(reason: String) -> Self {
        Self { reason, passes: false }
    }
}

fn missing() -> String {
    "does not exist: make it, or correct the ARN".to_owned()
}

/// What AWS says of a refused request, and what to do. Its messages name who asked for what.
fn refusal(status: u16, answer: &Value, service: &Service<'_>) -> String {
    let kind = answer["__type"].as_str().unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or_default();
    let said = [&answer["message"], &answer["Message"]].into_iter().find_map(Value::as_str).unwrap_or_default();
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(REASON_MAX_CHARS).collect();
    let said = format!("{status} {kind}: {said}");
    match kind {
        "ResourceNotFoundException" => missing(),
        "AccessDeniedException" => {
            let action = if service.name == "ssm" { "ssm:GetParameters" } else { "secretsmanager:GetSecretValue" };
            format!(
                "this program may not read: allow its role {action}, and kms:Decrypt where the key is your own ({said})"
            )
        }
        _ => format!("cannot be read: {said}"),
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |e| e.source()).fold(error.to_string(), |text, e| format!("{text}: {e}"))
}

/// Between a half and one, so that functions that were throttled at once do not come again at once.
fn jitter() -> f64 {
    let now: SystemTime = clock::now().into();
    let nanos = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    0.5 + f64::from(nanos % 1_000) / 2_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_in_one_line() {
        let ssm = Service { name: "ssm", endpoint: "SSM", target: "", region: "eu-west-1" };
        let denied = json!({"__type": "AccessDeniedException", "Message": "User: arn:aws:sts::1:assumed-role/api is\nnot authorized"});
        let reason = refusal(400, &denied, &ssm);
        assert!(reason.contains("ssm:GetParameters") && reason.contains("assumed-role/api is not"), "{reason}");
        let gone = json!({"__type": "com.amazonaws.secretsmanager#ResourceNotFoundException"});
        assert!(refusal(400, &gone, &ssm).starts_with("does not exist"));
        let other = json!({"__type": "InvalidKeyId", "message": "x".repeat(1_000)});
        let reason = refusal(400, &other, &ssm);
        assert!(reason.starts_with("cannot be read: 400 InvalidKeyId: x") && reason.len() < 400, "{reason}");
        assert!((0.5..1.0).contains(&jitter()));
    }
}
