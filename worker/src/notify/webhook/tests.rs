//! Where webhooks go, and where they do not: against real receivers, and names that lead where their owner likes.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Body, http::StatusCode, response::IntoResponse, routing::post};
use offload_domain::{event::StatusEvent, id::OrderId};
use tokio::{io::AsyncReadExt, net::TcpListener};

use super::*;

fn notification(url: &str) -> Notification {
    let id = OrderId::new(chrono::DateTime::UNIX_EPOCH);
    let object = serde_json::json!({"id": id, "status": "completed", "done": true, "revision": 3, "attempt": 1,
        "created_at": "1970-01-01T00:00:00.000Z", "updated_at": "1970-01-01T00:00:00.000Z", "progress": null, "eta": null,
        "poll_after_ms": null, "result": null, "result_url": null, "error": null, "renew": "https://api.example/order/x"});
    let event = StatusEvent::of(serde_json::from_value(object).unwrap());
    Notification { v: 1, target: Target::Webhook { url: url.to_owned() }, event, attempts: 0, not_before: None }
}

fn signer() -> Signer {
    Signer::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
}

/// For receivers on this machine.
fn here() -> Webhooks {
    Webhooks::new(Policy { loopback: true, ..Policy::default() }, signer()).unwrap()
}

async fn receiver(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn failure(outcome: Outcome) -> (Option<u16>, String) {
    match outcome {
        Outcome::Failed(f) | Outcome::Refused(f) => (f.status, f.error),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn receivers_that_answer_badly_have_failed() {
    let visited = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&visited);
    let elsewhere =
        receiver(Router::new().route("/", post(async move || counting.fetch_add(1, Ordering::Relaxed).to_string())))
            .await;
    for (status, expected) in [(500, Some(500)), (301, Some(301)), (404, Some(404))] {
        let target = elsewhere.clone();
        let answer = async move || {
            (StatusCode::from_u16(status).unwrap(), [("location", target.clone()), ("retry-after", "7".into())])
        };
        let url = receiver(Router::new().route("/", post(answer))).await;
        let Outcome::Failed(failure) = here().deliver(&notification(&url)).await else { panic!("{status}") };
        assert_eq!((failure.status, failure.retry_after), (expected, Some(Duration::from_secs(7))));
    }
    assert_eq!(visited.load(Ordering::Relaxed), 0, "no redirect was followed");
    let url = receiver(Router::new().route("/", post(async || StatusCode::GONE))).await;
    assert_eq!(here().deliver(&notification(&url)).await, Outcome::Gone { status: 410 });
}

#[tokio::test]
async fn an_answer_of_100_mb_is_not_read() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&sent);
    let flood = async move || {
        let chunks = futures_util::stream::unfold(0, move |n| {
            let sent = Arc::clone(&counting);
            async move {
                sent.fetch_add(1, Ordering::Relaxed);
                (n < 1_600).then(|| (Ok::<_, std::io::Error>(vec![b'x'; 65_536]), n + 1))
            }
        });
        Body::from_stream(chunks).into_response()
    };
    let url = receiver(Router::new().route("/", post(flood))).await;
    let begun = Instant::now();
    assert_eq!(here().deliver(&notification(&url)).await, Outcome::Delivered { status: 200 });
    assert!(begun.elapsed() < Duration::from_secs(5));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(sent.load(Ordering::Relaxed) < 1_000, "what the sockets hold, and no more");
}

#[tokio::test]
async fn a_receiver_that_hangs_or_resets_has_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let resets = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 16]).await;
        stream.set_zero_linger().unwrap();
    });
    let (status, error) = failure(here().deliver(&notification(&url)).await);
    assert!(status.is_none() && !error.contains("http://"), "{error}");
    resets.await.unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let hangs = tokio::spawn(async move {
        let (_stream, _) = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
    });
    let begun = Instant::now();
    let (_, error) = failure(here().deliver(&notification(&url)).await);
    assert!(error.contains("in time") && begun.elapsed() < Duration::from_secs(20), "{error} {:?}", begun.elapsed());
    hangs.abort();
}

/// Names whose owner answers each look-up with the next of a list.
struct Told(Mutex<Vec<Vec<IpAddr>>>);

impl Names for Told {
    async fn look_up(&self, _: String) -> std::io::Result<Vec<SocketAddr>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Ok(answer.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect())
    }
}

fn told(answers: &[&[&str]]) -> Told {
    let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
    Told(Mutex::new(answers.iter().map(parse).collect()))
}

#[tokio::test]
async fn a_name_that_leads_into_our_own_network_is_not_followed() {
    for answer in [
        &["127.0.0.1"][..],
        &["169.254.169.254"],
        &["::ffff:10.0.0.1"],
        &["::1"],
        &["fd00:ec2::254"],
        &["8.8.8.8", "10.0.0.1"],
    ] {
        let webhooks = Webhooks::resolving(Policy::default(), signer(), told(&[answer])).unwrap();
        let begun = Instant::now();
        let (status, error) = failure(webhooks.deliver(&notification("https://hooks.example/")).await);
        assert!(status.is_none() && error.contains("not a public one"), "{answer:?}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(2), "nothing was connected to");
    }
    for url in
        ["https://127.0.0.1/", "https://169.254.169.254/latest/", "https://[::ffff:10.0.0.1]/", "http://hooks.example/"]
    {
        let webhooks = Webhooks::new(Policy::default(), signer()).unwrap();
        assert!(matches!(webhooks.deliver(&notification(url)).await, Outcome::Refused(_)), "{url}");
    }
}

/// A server that nobody may connect to, and a name that is honest when it is looked at first.
#[tokio::test]
async fn a_name_that_changes_between_two_look_ups_gains_nothing() {
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = inside.local_addr().unwrap().port();
    // 192.0.0.0/29 is nobody's: connecting there fails or hangs. What matters is who is never connected to.
    let answers = told(&[&["192.0.2.1"], &["127.0.0.1"]]);
    // Documentation addresses stand for public ones here, by the operator's leave.
    let allow = offload_domain::webhook::Rule::list("192.0.2.0/24, hooks.example").unwrap();
    let policy = Policy { allow, ..Policy::default() };
    let webhooks = Webhooks::resolving(policy, signer(), answers).unwrap();
    let url = format!("https://hooks.example:{port}/");
    let deliveries = async {
        let first = tokio::time::timeout(Duration::from_secs(2), webhooks.deliver(&notification(&url))).await;
        assert!(first.is_err() || matches!(first, Ok(Outcome::Failed(_))), "{first:?}");
        let (_, error) = failure(webhooks.deliver(&notification(&url)).await);
        assert!(error.contains("not a public one"), "{error}");
    };
    tokio::select! {
        () = deliveries => {}
        connected = inside.accept() => panic!("connected to the inside: {connected:?}"),
    }
    assert_eq!(IpAddr::V4(Ipv4Addr::LOCALHOST), inside.local_addr().unwrap().ip());
}

#[tokio::test]
async fn an_endpoint_that_fails_is_left_in_peace_and_no_other() {
    let (bad, good) = (
        receiver(Router::new().route("/", post(async || StatusCode::INTERNAL_SERVER_ERROR))).await,
        receiver(Router::new().route("/", post(async || "ok"))).await,
    );
    let webhooks = here();
    for _ in 0..5 {
        assert!(matches!(webhooks.deliver(&notification(&bad)).await, Outcome::Failed(_)));
    }
    assert!(
        matches!(webhooks.deliver(&notification(&bad)).await, Outcome::NotNow(wait) if wait > Duration::from_secs(20))
    );
    assert_eq!(webhooks.deliver(&notification(&good)).await, Outcome::Delivered { status: 200 });
}
