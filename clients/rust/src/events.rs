//! Server-sent events, as the HTML standard has them: <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::time::Duration;

use tokio::time::timeout;

/// The service sends something every 15 s; of a stream that is silent for three times as long nothing will come.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// The longest event that is read: a status object is a tenth of it.
const EVENT_MAX_BYTES: usize = 256 * 1024;

/// An open stream.
#[derive(Debug)]
pub(crate) struct Events {
    response: reqwest::Response,
    unread: Vec<u8>,
    /// The id of the last event, to go on after it.
    pub(crate) last_id: Option<String>,
}

impl Events {
    pub(crate) fn new(response: reqwest::Response, last_id: Option<String>) -> Self {
        Self { response, unread: Vec::new(), last_id }
    }

    /// The data of the next event; `None` if the stream has ended, broken off, or fallen silent. Dropping the future loses
    /// nothing.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            while let Some(block) = take_block(&mut self.unread) {
                let (id, data) = read(&block);
                self.last_id = id.or(self.last_id.take());
                if !data.is_empty() {
                    return Some(data);
                }
            }
            if self.unread.len() > EVENT_MAX_BYTES {
                return None;
            }
            let chunk = timeout(SILENCE_MAX, self.response.chunk()).await.ok()?.ok()??;
            // Carriage returns mean nothing here: the data is JSON, which has none unescaped.
            self.unread.extend(chunk.iter().filter(|b| **b != b'\r'));
        }
    }
}

/// Takes a block of lines up to an empty one out of what came.
fn take_block(unread: &mut Vec<u8>) -> Option<String> {
    let end = unread.windows(2).position(|pair| pair == b"\n\n")?;
    let block: Vec<u8> = unread.drain(..end + 2).collect();
    Some(String::from_utf8_lossy(&block).into_owned())
}

/// A block's id and data.
fn read(block: &str) -> (Option<String>, String) {
    let (mut id, mut data) = (None, Vec::new());
    for line in block.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => id = Some(value.to_owned()),
            "data" => data.push(value),
            _ => {}
        }
    }
    (id, data.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_from_blocks_and_comments_are_not() {
        let mut unread =
            b": following\nretry: 2000\n\nid: 3\ndata: {\"a\":\ndata: 1}\n\n:\n\nid:4\ndata:x\n\nid: 5\ndata: y\n"
                .to_vec();
        let mut seen = Vec::new();
        while let Some(block) = take_block(&mut unread) {
            seen.push(read(&block));
        }
        let event = |id: &str, data: &str| (Some(id.to_owned()), data.to_owned());
        assert_eq!(seen, [(None, String::new()), event("3", "{\"a\":\n1}"), (None, String::new()), event("4", "x")]);
        assert_eq!(unread, b"id: 5\ndata: y\n", "not whole yet");
    }
}
