//! What an answer of S3 means. Pure.

use crate::status::StatusObject;

/// What a look at a status URL found.
#[derive(Debug)]
pub(crate) enum Look {
    /// As before.
    Unchanged,
    /// The object, and the text that it was read from.
    Object(Box<StatusObject>, String),
    /// The URL works no longer, or nothing is there: the api can say more. With S3's word for it.
    Refused(String),
    /// No answer for now.
    Unavailable(String),
}

impl Look {
    /// Reads an answer by its status code and body.
    pub(crate) fn of(status: u16, body: String) -> Self {
        match status {
            304 => Self::Unchanged,
            200 => match serde_json::from_str(&body) {
                Ok(object) => Self::Object(Box::new(object), body),
                // A broken connection, or a hotel's login page.
                Err(_) => Self::Unavailable("what came is no status object".to_owned()),
            },
            // An expired URL is 403, an expired session token 400, a missing object 404, or 403 where the signer may not
            // list.
            400..=499 if status != 408 && status != 429 => Self::Refused(s3_error(status, &body)),
            _ => Self::Unavailable(s3_error(status, &body)),
        }
    }
}

/// S3's word for an error: the status, and the `Code` of its XML.
pub(crate) fn s3_error(status: u16, body: &str) -> String {
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
    fn each_answer_of_s3_has_its_meaning() {
        let of = |status, body: &str| Look::of(status, body.to_owned());
        assert!(matches!(of(304, ""), Look::Unchanged));
        for (status, body) in [(403, "<Code>AccessDenied</Code>"), (400, "<Code>ExpiredToken</Code>"), (404, "")] {
            assert!(matches!(of(status, body), Look::Refused(_)), "{status}");
        }
        for (status, body) in [(503, "<Code>SlowDown</Code>"), (500, ""), (429, ""), (408, ""), (200, "<html>")] {
            assert!(matches!(of(status, body), Look::Unavailable(_)), "{status}");
        }
    }

    #[test]
    fn the_code_of_an_s3_error_is_found_and_cannot_steer_a_terminal() {
        assert_eq!(s3_error(400, "<?xml?><Error><Code>ExpiredToken</Code></Error>"), "400 ExpiredToken");
        assert_eq!(s3_error(403, "<Code>\u{1b}[31m</Code>"), "403");
    }
}
