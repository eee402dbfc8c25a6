//! Connections to AWS that are kept open, and requests on them.

use std::{cell::RefCell, rc::Rc};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::signature::{Headers, Signer, hash};

const HEADERS_MAX: usize = 32;

/// A service of AWS.
pub(crate) struct Service {
    pub(crate) host: String,
    pub(crate) signer: RefCell<Signer>,
    idle: RefCell<Vec<TcpStream>>,
}

impl Service {
    pub(crate) fn new(host: &str, signer: Signer) -> Rc<Self> {
        Rc::new(Self { host: host.to_owned(), signer: RefCell::new(signer), idle: RefCell::default() })
    }

    /// A request, signed. `headers` are as [`Signer::sign`] wants them.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        token: &str,
        now: DateTime<Utc>,
    ) -> Vec<u8> {
        let payload = hash(body);
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| match *name {
                "host" => (*name, self.host.as_str()),
                "x-amz-content-sha256" => (*name, payload.as_str()),
                _ => (*name, *value),
            })
            .collect();
        let Headers { date, authorization } = self.signer.borrow_mut().sign(method, path, &headers, &payload, now);
        let length = body.len().to_string();
        let mut request = Vec::with_capacity(1_024 + token.len() + body.len());
        let mut push = |parts: &[&str]| parts.iter().for_each(|part| request.extend_from_slice(part.as_bytes()));
        push(&[method, " ", path, " HTTP/1.1\r\n"]);
        for (name, value) in &headers {
            let value = match *name {
                "x-amz-date" => &date,
                "x-amz-security-token" => token,
                _ => *value,
            };
            push(&[name, ": ", value, "\r\n"]);
        }
        push(&["authorization: ", &authorization, "\r\ncontent-length: ", &length, "\r\n\r\n"]);
        request.extend_from_slice(body);
        request
    }

    /// Sends a request on a connection that is free; the body of its answer.
    pub(crate) async fn send(&self, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        let idle = self.idle.borrow_mut().pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.host).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(request).await?;
        let mut read = Vec::with_capacity(1_024);
        loop {
            ensure!(stream.read_buf(&mut read).await? > 0, "the connection was closed before an answer");
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut answer = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(head) = answer.parse(&read)? else { continue };
            let length = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
            let length: usize = std::str::from_utf8(length.context("an answer states no length")?.value)?.parse()?;
            if read.len() < head + length {
                continue;
            }
            ensure!(answer.code == Some(200), "answered with {:?}", answer.code);
            self.idle.borrow_mut().push(stream);
            read.drain(..head);
            return Ok(read);
        }
    }
}
