//! S3's XML errors, where they are written before or instead of `s3s`.

use http::{Response, StatusCode};

use crate::wire::{self, Body};

/// An error as S3 words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denial {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: &'static str,
    /// Further elements: name and text.
    pub(super) details: Vec<(&'static str, String)>,
}

impl Denial {
    pub(super) fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, details: Vec::new() }
    }

    pub(super) fn forbidden(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub(super) fn bad_request(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The answer. Its request id is added with every other answer's.
    pub(super) fn into_response(self) -> Response<Body> {
        let details: String =
            self.details.iter().map(|(name, text)| format!("<{name}>{}</{name}>", escape(text))).collect();
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>{details}</Error>",
            self.code,
            escape(self.message)
        );
        wire::answer(self.status, "application/xml", body)
    }
}

/// Text as XML holds it.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
