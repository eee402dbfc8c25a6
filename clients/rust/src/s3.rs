//! What a response of S3 means. Pure.

use crate::status::StatusObject;

/// The response to one poll.
#[derive(Debug)]
pub(crate) enum PollResponse {
    /// The object has not changed.
    Unchanged,
    /// The object, and the text that it was parsed from.
    Object(Box<StatusObject>, String),
    /// The URL has expired, or there is no object: the api can say more. With S3's error code.
    Refused(String),
    /// No usable response for now.
    Unavailable(String),
}

impl PollResponse {
    /// Classifies a response by its status code and body.
    pub(crate) fn new(status: u16, body: String) -> Self {
        match status {
            304 => Self::Unchanged,
            200 => match serde_json::from_str(&body) {
                Ok(object) => Self::Object(Box::new(object), body),
                // A broken connection, or a hotel's login page.
                Err(_) => Self::Unavailable("the response is not a status object".to_owned()),
            },
            // An expired URL is 403, an expired session token 400, a missing object 404, or 403
            // where the signer may not list.
            400..=499 if status != 408 && status != 429 => Self::Refused(error_code(status, &body)),
            _ => Self::Unavailable(error_code(status, &body)),
        }
    }
}

/// The status, and the `Code` in the XML of S3's error.
pub(crate) fn error_code(status: u16, body: &str) -> String {
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    match code.filter(|c| c.len() <= 60 && c.chars().all(|c| c.is_ascii_alphanumeric())) {
        Some(code) => format!("{status} {code}"),
        None => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_response_of_s3_has_its_meaning() {
        let of = |status, body: &str| PollResponse::new(status, body.to_owned());
        assert!(matches!(of(304, ""), PollResponse::Unchanged));
        for (status, body) in [(403, "<Code>AccessDenied</Code>"), (400, "<Code>ExpiredToken</Code>"), (404, "")] {
            assert!(matches!(of(status, body), PollResponse::Refused(_)), "{status}");
        }
        for (status, body) in [(503, "<Code>SlowDown</Code>"), (500, ""), (429, ""), (408, ""), (200, "<html>")] {
            assert!(matches!(of(status, body), PollResponse::Unavailable(_)), "{status}");
        }
    }

    #[test]
    fn the_code_of_an_s3_error_cannot_steer_a_terminal() {
        assert_eq!(error_code(400, "<?xml?><Error><Code>ExpiredToken</Code></Error>"), "400 ExpiredToken");
        assert_eq!(error_code(403, "<Code>\u{1b}[31m</Code>"), "403");
    }
}
