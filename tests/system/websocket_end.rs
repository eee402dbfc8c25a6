//! How WebSockets end, byte by byte (RFC 6455).

use std::time::Duration;

use offload_tests::{Setup, System};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A WebSocket after its handshake, without a library: it sends what none would.
async fn connect(system: &System) -> TcpStream {
    let address = system.apis[0].strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    stream
}

/// A frame of a client, with a mask of zeros.
fn sent(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length @ ..126) => frame.push(0x80 | length),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    [&frame, &[0; 4][..], payload].concat()
}

/// The code of the Close frame that comes, after which the connection ends; 0 for one without. What
/// the server could not read resets the connection, after the client has had its time to read.
async fn close_code(mut stream: TcpStream, unread: bool) -> u16 {
    let mut all = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("it stays open");
    assert!(read.is_ok() || unread, "it is reset");
    let mut rest = &all[..];
    while let [first, length, more @ ..] = rest {
        let (payload, next) = more.split_at(usize::from(*length));
        match first & 0xf {
            8 => {
                assert_eq!(next, b"", "nothing comes after it");
                return payload.first_chunk().map_or(0, |code| u16::from_be_bytes(*code));
            }
            _ => rest = next,
        }
    }
    panic!("it ended without a Close frame: {all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_websocket_ends_with_a_close_frame_that_says_why() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let (text, binary, close, ping) = (0x81, 0x82, 0x88, 0x89);
    let ends = [
        ("closed by the client", sent(close, &1000u16.to_be_bytes()), 1000),
        ("closed with a reason", sent(close, &[&4000u16.to_be_bytes()[..], b"bye"].concat()), 4000),
        ("closed without a code", sent(close, b""), 0),
        ("a code that nobody may send", sent(close, &1006u16.to_be_bytes()), 1002),
        ("half a code", sent(close, b"\x03"), 1002),
        ("binary", sent(binary, b"{}"), 1003),
        ("no mask", b"\x81\x02{}".to_vec(), 1002),
        ("an unknown opcode", sent(0x83, b""), 1002),
        ("a reserved bit", sent(0xc1, b"{}"), 1002),
        ("half a ping", sent(0x09, b""), 1002),
        ("a long ping", sent(ping, &[b'x'; 200]), 1002),
        ("a continuation of nothing", sent(0x80, b"x"), 1002),
        ("no UTF-8", sent(text, b"\xff\xfe"), 1007),
        ("a long text", sent(text, &[b' '; 60_000]), 1009),
    ];
    let codes = ends.iter().map(async |(what, bytes, expected)| {
        let mut stream = connect(&system).await;
        stream.write_all(bytes).await.unwrap();
        assert_eq!(close_code(stream, *expected == 1009).await, *expected, "{what}");
    });
    futures_util::future::join_all(codes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_says_that_it_restarts() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let mut stream = connect(&system).await;
    stream.write_all(&sent(0x81, br#"{"action":"ping"}"#)).await.unwrap();
    let pong = timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap();
    assert_eq!(pong, 0x81, "it is served");
    let mut rest = vec![0; usize::from(stream.read_u8().await.unwrap())];
    stream.read_exact(&mut rest).await.unwrap();
    system.stop_apis();
    // It does not answer, and is not waited for.
    assert_eq!(close_code(stream, false).await, 1012);
}
