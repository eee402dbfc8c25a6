//! Where webhooks go and where they do not: against real receivers, and hosts that resolve as their
//! owner likes.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Body, http::StatusCode, response::IntoResponse, routing::post};
use offload_domain::{notification::Target, status::Status, webhook::Rule};
use parking_lot::Mutex;
use tokio::{io::AsyncReadExt, net::TcpListener, sync::oneshot, time::timeout};

use super::{super::super::testing::serve, *};

fn signer() -> Signer {
    let secrets = Secrets::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    Signer { secrets, shared: false }
}

/// For receivers on this machine.
fn local() -> Webhooks {
    Webhooks::new(Policy { loopback: true, ..Policy::default() }, signer(), Endpoints::new(64, 16), SystemLookup)
        .unwrap()
}

async fn deliver(webhooks: &Webhooks, url: &str) -> AttemptResult {
    let event = super::super::super::testing::event(Status::Completed);
    let target = Target::Webhook { url: url.to_owned() };
    webhooks.deliver(url, &Notification::new(target, event, Tenant::default()), None).await
}

async fn receiver(router: Router) -> String {
    serve(router).await.to_string()
}

fn failure(result: AttemptResult) -> (Option<u16>, String) {
    match result {
        AttemptResult::Failed(f) | AttemptResult::Refused(f) => (f.status, f.error),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_receiver_that_answers_with_an_error_has_failed() {
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
        let AttemptResult::Failed(failure) = deliver(&local(), &url).await else { panic!("{status}") };
        assert_eq!((failure.status, failure.retry_after), (expected, Some(Duration::from_secs(7))));
    }
    assert_eq!(visited.load(Ordering::Relaxed), 0, "no redirect was taken");
    let url = receiver(Router::new().route("/", post(async || StatusCode::GONE))).await;
    assert_eq!(deliver(&local(), &url).await, AttemptResult::Gone { status: 410 });
}

#[tokio::test]
async fn an_answer_of_100_mb_is_not_read() {
    let sent = Arc::new(AtomicUsize::new(0));
    let (dropped, is_dropped) = oneshot::channel::<()>();
    let dropped = Arc::new(Mutex::new(Some(dropped)));
    let counting = Arc::clone(&sent);
    let flood = async move || {
        // The server drops its end when the connection is closed.
        let state = (dropped.lock().take(), 0);
        let chunks = futures_util::stream::unfold(state, move |(dropped, n)| {
            let sent = Arc::clone(&counting);
            async move {
                sent.fetch_add(1, Ordering::Relaxed);
                (n < 1_600).then(|| (Ok::<_, io::Error>(vec![b'x'; 65_536]), (dropped, n + 1)))
            }
        });
        Body::from_stream(chunks).into_response()
    };
    let url = receiver(Router::new().route("/", post(flood))).await;
    assert_eq!(deliver(&local(), &url).await, AttemptResult::Delivered { status: 200 });
    let closed = timeout(Duration::from_secs(10), is_dropped).await.expect("the connection is closed");
    assert!(closed.is_err());
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
    let (status, error) = failure(deliver(&local(), &url).await);
    assert!(status.is_none() && !error.contains("http://"), "{error}");
    resets.await.unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let hangs = tokio::spawn(async move {
        let (_stream, _) = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
    });
    let begun = Instant::now();
    let (_, error) = failure(deliver(&local(), &url).await);
    assert!(error.contains("in time") && begun.elapsed() < Duration::from_secs(20), "{error} {:?}", begun.elapsed());
    hangs.abort();
}

/// A host whose owner answers each lookup with the next of a list, and then with the last one for
/// ever.
struct Scripted(Mutex<Vec<Vec<IpAddr>>>);

impl Lookup for Scripted {
    async fn lookup(&self, _: String) -> io::Result<Vec<SocketAddr>> {
        let mut answers = self.0.lock();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Ok(answer.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect())
    }
}

fn resolves_to(answers: &[&[&str]]) -> Scripted {
    let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
    Scripted(Mutex::new(answers.iter().map(parse).collect()))
}

#[tokio::test]
async fn a_host_that_resolves_into_our_own_network_is_refused() {
    for answer in [
        &["127.0.0.1"][..],
        &["169.254.169.254"],
        &["::ffff:10.0.0.1"],
        &["::1"],
        &["fd00:ec2::254"],
        &["8.8.8.8", "10.0.0.1"],
    ] {
        let webhooks =
            Webhooks::new(Policy::default(), signer(), Endpoints::new(64, 16), resolves_to(&[answer])).unwrap();
        let begun = Instant::now();
        let (status, error) = failure(deliver(&webhooks, "https://hooks.example/").await);
        assert!(status.is_none() && error.contains("not a public one"), "{answer:?}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(2), "nothing was connected to");
    }
    for url in
        ["https://127.0.0.1/", "https://169.254.169.254/latest/", "https://[::ffff:10.0.0.1]/", "http://hooks.example/"]
    {
        let webhooks = Webhooks::new(Policy::default(), signer(), Endpoints::new(64, 16), SystemLookup).unwrap();
        assert!(matches!(deliver(&webhooks, url).await, AttemptResult::Refused(_)), "{url}");
    }
}

/// A server that must not be connected to, and a host that is honest at its first lookup.
#[tokio::test]
async fn a_host_that_resolves_differently_the_next_time_gains_nothing() {
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = inside.local_addr().unwrap().port();
    // Connecting to a documentation address fails or hangs. What matters is what is never connected
    // to.
    let answers = resolves_to(&[&["192.0.2.1"], &["127.0.0.1"]]);
    // The operator allows them here, as if they were public.
    let allow = Rule::list("192.0.2.0/24, hooks.example").unwrap();
    let policy = Policy { allow, ..Policy::default() };
    let webhooks = Webhooks::new(policy, signer(), Endpoints::new(64, 16), answers).unwrap();
    let url = format!("https://hooks.example:{port}/");
    let deliveries = async {
        let first = timeout(Duration::from_secs(2), deliver(&webhooks, &url)).await;
        assert!(first.is_err() || matches!(first, Ok(AttemptResult::Failed(_))), "{first:?}");
        let (_, error) = failure(deliver(&webhooks, &url).await);
        assert!(error.contains("not a public one"), "{error}");
    };
    tokio::select! {
        () = deliveries => {}
        connected = inside.accept() => panic!("connected to the inside: {connected:?}"),
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_is_left_alone_and_no_other() {
    let (bad, good) = (
        receiver(Router::new().route("/", post(async || StatusCode::INTERNAL_SERVER_ERROR))).await,
        receiver(Router::new().route("/", post(async || "ok"))).await,
    );
    let webhooks = local();
    for _ in 0..5 {
        assert!(matches!(deliver(&webhooks, &bad).await, AttemptResult::Failed(_)));
    }
    assert!(matches!(deliver(&webhooks, &bad).await, AttemptResult::Deferred(wait) if wait > Duration::from_secs(20)));
    assert_eq!(deliver(&webhooks, &good).await, AttemptResult::Delivered { status: 200 });
}
