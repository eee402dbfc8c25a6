//! S3: every PUT is stored, which nobody reads, and there is nothing to get.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use hyper::{Method, Response, StatusCode, header::HeaderValue, http::request::Parts};
use md5::{Digest as _, Md5};

use super::{Answer, State};

const NO_SUCH_KEY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>\
                           <Message>The specified key does not exist.</Message></Error>";

/// How many objects were put under each prefix of keys, such as `status/a7/`.
#[derive(Default)]
pub(super) struct Prefixes(Mutex<HashMap<String, u64>>);

impl Prefixes {
    fn count(&self, path: &str) {
        let Some((prefix, _)) = path.rsplit_once('/') else { return };
        let mut prefixes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match prefixes.get_mut(prefix) {
            Some(count) => *count += 1,
            None => drop(prefixes.insert(prefix.to_owned(), 1)),
        }
    }

    pub(super) fn all(&self) -> Vec<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }
}

pub(super) fn answer(state: &State, head: &Parts, body: &[u8]) -> Answer {
    match head.method {
        Method::PUT => {
            state.calls.count("s3", "PutObject");
            state.prefixes.count(head.uri.path());
            let mut answer = Response::default();
            // The digits of a digest are a header's value.
            if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", md5_hex(body))) {
                answer.headers_mut().insert(hyper::header::ETAG, etag);
            }
            answer
        }
        Method::DELETE => {
            state.calls.count("s3", "DeleteObject");
            status(StatusCode::NO_CONTENT, "")
        }
        Method::HEAD => {
            state.calls.count("s3", "HeadObject");
            status(StatusCode::NOT_FOUND, "")
        }
        _ => {
            state.calls.count("s3", "GetObject");
            status(StatusCode::NOT_FOUND, NO_SUCH_KEY)
        }
    }
}

fn status(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer
}

/// The MD5 of a text, as S3 and SQS give it.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)]));
    Md5::digest(bytes).iter().flat_map(|byte| digits(*byte)).collect()
}
