//! S3's XML errors, where `s3s` does not write them or leaves something out.

use http::{Response, StatusCode};

use crate::wire::{self, Body};

/// The second of the two ids of a response of S3.
pub(super) const HOST_ID: &str = "local";
pub(super) const SIGNATURE_MISMATCH: &str =
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.";

/// An error response of S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ErrorResponse {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: &'static str,
    /// Further elements: name and text.
    pub(super) details: Vec<(&'static str, String)>,
}

impl ErrorResponse {
    pub(super) fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, details: Vec::new() }
    }

    pub(super) fn forbidden(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub(super) fn bad_request(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// The response. Its request id is added as to every other response.
    pub(super) fn into_response(self) -> Response<Body> {
        let details: String =
            self.details.iter().map(|(name, text)| format!("<{name}>{}</{name}>", escape(text))).collect();
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>{details}</Error>",
            self.code,
            escape(self.message)
        );
        wire::response(self.status, "application/xml", body)
    }
}

/// An error's XML with the message, which `s3s` leaves out of some, and the request's id.
pub(super) fn completed(xml: &str, request_id: &str) -> Option<String> {
    let (body, _) = xml.split_once("</Error>")?;
    let code = body.split_once("<Code>")?.1.split_once("</Code>")?.0;
    let message =
        if body.contains("<Message>") { String::new() } else { format!("<Message>{}</Message>", usual_message(code)) };
    Some(format!("{body}{message}<RequestId>{request_id}</RequestId><HostId>{HOST_ID}</HostId></Error>"))
}

/// S3's messages of the errors that `s3s` leaves without one.
fn usual_message(code: &str) -> &'static str {
    match code {
        "SignatureDoesNotMatch" => SIGNATURE_MISMATCH,
        "InvalidBucketName" => "The specified bucket is not valid.",
        "InvalidURI" => "Couldn't parse the specified URI.",
        "KeyTooLongError" => "Your key is too long",
        "IncompleteBody" => "You did not provide the number of bytes specified by the Content-Length HTTP header",
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "InvalidRange" => "The requested range is not satisfiable",
        "MalformedXML" => "The XML you provided was not well-formed or did not validate against our published schema",
        _ => "The request was refused.",
    }
}

/// Text escaped for XML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_gets_a_message_and_an_id() {
        let bare = "<?xml version=\"1.0\"?><Error><Code>InvalidURI</Code></Error>";
        assert_eq!(
            completed(bare, "id").unwrap(),
            "<?xml version=\"1.0\"?><Error><Code>InvalidURI</Code><Message>Couldn't parse the specified URI.</Message>\
             <RequestId>id</RequestId><HostId>local</HostId></Error>"
        );
        let text = "<Error><Code>X</Code><Message>m</Message></Error>";
        assert!(completed(text, "id").unwrap().starts_with("<Error><Code>X</Code><Message>m</Message><RequestId>id"));
        assert_eq!(completed("", "id"), None);
    }
}
