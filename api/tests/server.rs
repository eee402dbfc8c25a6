//! The server on the wire, by plain sockets. The stores do not answer here.

use std::{net::SocketAddr, time::Duration};

use offload_service::settings::{self, ApiSettings, EtaSettings, StoreSettings, catalogue as c};
use offload_stores::{CallPolicy, Connection, Endpoints, Stores};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

async fn stores() -> Stores {
    let closed = || "http://127.0.0.1:1".to_owned();
    let endpoints = Endpoints {
        s3: closed(),
        sqs: closed(),
        dynamodb: closed(),
        region: "eu-west-1".into(),
        access_key_id: "key".into(),
        secret_access_key: "secret".into(),
    };
    let values = [(c::BUCKET, "b"), (c::QUEUE_URL, "http://127.0.0.1:1/q"), (c::TABLE, "t")];
    let settings: StoreSettings = settings::from_values(values).expect("the settings are complete");
    Connection::to(endpoints, CallPolicy::INTERACTIVE).await.stores(&settings).await.expect("nothing is called")
}

impl Server {
    async fn start() -> Self {
        let secret = "s".repeat(32);
        let values = [(c::TOKEN_SECRET, secret.as_str()), (c::AUTH, "none"), (c::SHUTDOWN_GRACE_SECONDS, "20")];
        let (api, eta): (ApiSettings, EtaSettings) = settings::from_values(values).expect("the settings are complete");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let stop = CancellationToken::new();
        let task = tokio::spawn(offload_api::serve(listener, api, eta, stores().await, stop.clone()));
        Self { address, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the server accepts")
    }

    /// Sends the parts of a request as they are, and reads until the server closes.
    async fn exchange(&self, parts: &[&[u8]]) -> String {
        let mut stream = self.connect().await;
        for part in parts {
            stream.write_all(part).await.expect("the server reads");
        }
        read_to_end(&mut stream).await
    }
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("in time").expect("no reset");
    String::from_utf8(answer).expect("text")
}

/// Reads one answer with a body, by its `content-length`, and leaves the connection open.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    loop {
        let n = timeout(PATIENCE, stream.read(&mut buffer)).await.expect("in time").expect("no reset");
        assert!(n > 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&buffer[..n]).expect("text"));
        if let Some((head, body)) = answer.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).expect("a length");
            if body.len() >= length.parse::<usize>().expect("a number") {
                return answer;
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_gets_its_answer_and_no_reset() {
    let server = Server::start().await;
    let body = vec![b' '; 257 * 1024];
    let head = |more: &str| {
        format!(
            "POST /order HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n{more}\r\n\r\n"
        )
    };
    let declared = head(&format!("content-length: {}", body.len()));
    let answer = server.exchange(&[declared.as_bytes(), &body]).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("problems/body-too-large"), "{answer}");

    let chunked = head("transfer-encoding: chunked");
    let size = format!("{:x}\r\n", body.len());
    let answer = server.exchange(&[chunked.as_bytes(), size.as_bytes(), &body, b"\r\n0\r\n\r\n"]).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");

    // A client that asks first is not made to send anything.
    let asking = head("content-length: 1000000\r\nexpect: 100-continue");
    let answer = server.exchange(&[asking.as_bytes()]).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn the_service_ends_at_once_when_nothing_is_in_service() {
    let server = Server::start().await;
    let (mut used, mut unused) = (server.connect().await, server.connect().await);
    for _ in 0..2 {
        used.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("the server reads");
        let answer = read_answer(&mut used).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("{\"status\":\"ok\"}"), "{answer}");
    }
    server.stop.cancel();
    assert_eq!(read_to_end(&mut used).await, "");
    assert_eq!(read_to_end(&mut unused).await, "");
    let ended = timeout(Duration::from_secs(5), server.task).await.expect("well within the grace period");
    ended.expect("no panic").expect("no error");
}

#[tokio::test]
async fn a_request_in_service_is_finished_before_the_end() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let body = r#"{"kind":"report","rows":1}"#;
    let head = format!(
        "POST /order HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        body.len(),
        &body[..5]
    );
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    // Another request's answer says that the first one's bytes, sent before, have been read too.
    server.exchange(&[b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"]).await;
    server.stop.cancel();
    stream.write_all(&body.as_bytes()[5..]).await.expect("the server reads on");
    let answer = read_to_end(&mut stream).await;
    assert!(answer.contains("problems/storage-unavailable"), "{answer}");
    timeout(PATIENCE, server.task).await.expect("in time").expect("no panic").expect("no error");
}
