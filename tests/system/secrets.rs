//! Secrets that the programs read by their ARNs as they start.

use std::{
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::post,
};
use offload_tests::{Function, Receipt, Role, SECRET, Setup, System, http_api_request, orders::fulfilment, program};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const NEWER: &str = "a-newer-secret-that-is-long-enough-for-tests";
const SSM: &str = "arn:aws:ssm:eu-west-3:123456789012:parameter/offload/token-secret";
const SECRETS_MANAGER: &str = "arn:aws:secretsmanager:eu-west-3:123456789012:secret:offload-AbCdEf";
const TIME: Duration = Duration::from_secs(30);

/// What SSM and Secrets Manager are asked, and what they know.
#[derive(Default)]
struct Kept {
    /// Operation, and the region of the signature.
    asked: Mutex<Vec<(String, String)>>,
    /// How many calls are throttled before one is answered.
    throttled: Mutex<usize>,
}

/// A server that is both of them; its URL.
async fn kept(throttled: usize) -> (String, Arc<Kept>) {
    let kept = Arc::new(Kept { throttled: Mutex::new(throttled), ..Kept::default() });
    let router = Router::new().route("/", post(answer)).with_state(Arc::clone(&kept));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, kept)
}

async fn answer(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: String) -> impl IntoResponse {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (target, signature) = (header("x-amz-target"), header("authorization"));
    let region = signature.split('/').nth(2).unwrap_or_default().to_owned();
    kept.asked.lock().unwrap().push((target.clone(), region));
    let refused =
        |kind: &str, message: &str| (StatusCode::BAD_REQUEST, json!({"__type": kind, "message": message}).to_string());
    let busy = {
        let mut left = kept.throttled.lock().unwrap();
        let busy = *left > 0;
        *left = left.saturating_sub(1);
        busy
    };
    if busy {
        return refused("ThrottlingException", "Rate exceeded");
    }
    let asked: Value = serde_json::from_str(&body).unwrap();
    if target == "secretsmanager.GetSecretValue" {
        return match asked["SecretId"].as_str().unwrap() {
            SECRETS_MANAGER => {
                (StatusCode::OK, json!({"SecretString": json!({"token": SECRET}).to_string()}).to_string())
            }
            _ => refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
        };
    }
    let names: Vec<&str> = asked["Names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    if names.iter().any(|name| name.ends_with("/denied")) {
        return refused(
            "AccessDeniedException",
            "User: arn:aws:sts::123456789012:assumed-role/api/api is not authorized",
        );
    }
    let value = |name: &&str| match name.rsplit('/').next() {
        Some("1") => Some(SECRET),
        Some("2") => Some(NEWER),
        Some("short") => Some("private"),
        _ => None,
    };
    // In another order than they were asked for.
    let found = names.iter().rev().filter_map(|name| Some(json!({"ARN": name, "Value": value(name)?})));
    let missing = names.iter().filter(|name| value(name).is_none());
    let answer = json!({"Parameters": found.collect::<Vec<_>>(), "InvalidParameters": missing.collect::<Vec<_>>()});
    (StatusCode::OK, answer.to_string())
}

/// An api of the system, as a function that reads its token secret by ARNs.
async fn api(system: &System, kept: &str, arns: &str) -> Function {
    let settings = [
        ("OFFLOAD_PUBLIC_URL", "https://api.example.com"),
        ("OFFLOAD_TOKEN_SECRET", ""),
        ("OFFLOAD_TOKEN_SECRET_ARN", arns),
        ("AWS_ENDPOINT_URL_SSM", kept),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", kept),
    ];
    Function::start(Role::Api, system, &settings).await
}

async fn status_of(api: &mut Function, id: &str, token: &str) -> u64 {
    let headers = json!({"authorization": format!("Bearer {token}")});
    let answer = api.invoke(http_api_request("GET", &format!("/order/{id}"), &headers, None), TIME).await;
    answer.response()["statusCode"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_signs_by_the_secret_of_the_first_arn_and_takes_both() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    // SSM is busy at first, as when many functions start at once.
    let (url, kept) = kept(2).await;
    let mut both = api(&system, &url, &format!("{SSM}/2,{SSM}/1")).await;
    let one_call = ("AmazonSSM.GetParameters".to_owned(), "eu-west-3".to_owned());
    assert_eq!(*kept.asked.lock().unwrap(), vec![one_call; 3], "one call for both, tried three times");
    let before: Receipt = system.order(&fulfilment()).await;
    assert_eq!(status_of(&mut both, &before.id, &before.token).await, 200, "what was signed before");

    let request = http_api_request(
        "POST",
        "/order",
        &json!({"content-type": "application/json"}),
        Some(&fulfilment().to_string()),
    );
    let accepted = both.invoke(request, TIME).await.response();
    let accepted: Value = serde_json::from_str(accepted["body"].as_str().unwrap()).unwrap();
    let (id, token) = (accepted["id"].as_str().unwrap(), accepted["order_token"].as_str().unwrap());
    let mut newer = api(&system, &url, &format!("{SSM}/2")).await;
    let mut older = api(&system, &url, &format!("{SECRETS_MANAGER}:token::")).await;
    assert_eq!(status_of(&mut newer, id, token).await, 200);
    assert_eq!(status_of(&mut newer, &before.id, &before.token).await, 403);
    assert_eq!(status_of(&mut older, id, token).await, 403);
    assert_eq!(status_of(&mut older, &before.id, &before.token).await, 200, "by a member of a secret's JSON");
}

/// What a program says that ends because of one setting.
fn refusal(kept: &str, name: &str, variable: &str, value: &str) -> String {
    let all = [
        ("OFFLOAD_BUCKET", "b"),
        ("OFFLOAD_TABLE", "t"),
        ("OFFLOAD_QUEUE_URL", "http://127.0.0.1:9/q"),
        ("OFFLOAD_AUTH", "none"),
        ("OFFLOAD_PROCESSOR", "demo"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "key"),
        ("AWS_ENDPOINT_URL", kept),
        (variable, value),
    ];
    let ended = Command::new(program(name)).env_clear().envs(all).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    String::from_utf8(ended.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_cannot_be_read_is_one_line_that_says_what_to_do() {
    let (url, _) = kept(0).await;
    let (token, webhook) = ("OFFLOAD_TOKEN_SECRET_ARN", "OFFLOAD_WEBHOOK_SECRET_ARN");
    for (program, variable, arn, says) in [
        ("offload-api", token, format!("{SSM}/none"), "which does not exist: make it, or correct the ARN"),
        ("offload-api", token, format!("{SSM}/denied"), "allow its role ssm:GetParameters, and kms:Decrypt"),
        ("offload-api", token, format!("{SSM}/short"), "cannot be used: each secret must be at least"),
        ("offload-worker", webhook, format!("{SSM}/short"), "cannot be used: each secret is whsec_"),
        ("offload-worker", webhook, format!("{SECRETS_MANAGER}:other::"), "has no member other that is a text"),
        ("offload-worker", webhook, format!("{SECRETS_MANAGER}x"), "which does not exist"),
        ("offload-worker", webhook, "secret".to_owned(), "which is not the ARN of a parameter of SSM"),
    ] {
        let said = refusal(&url, program, variable, &arn);
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines.len() == 2 && lines[0] == "1 of the settings cannot be used:", "{said}");
        assert!(lines[1].contains(variable) && lines[1].contains(&arn) && lines[1].contains(says), "{said}");
        assert!(!said.contains("private") && !said.contains(SECRET), "{said}");
    }
    let nobody = refusal("http://127.0.0.1:9", "offload-api", token, SSM);
    assert!(nobody.contains(SSM) && nobody.contains("a function in a VPC needs a way there"), "{nobody}");
}
