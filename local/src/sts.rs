//! STS: sessions with a real expiry, on S3's listener.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::SecondsFormat;
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;

use crate::calls::{Description, RecordedCall};
use crate::clock::{Clock, datetime};
use crate::identity::{Caller, CredentialError, Identities, Session};
use crate::options::ACCOUNT_ID;
use crate::permission::Permission;
use crate::policy;
use crate::s3::xml::escape;
use crate::sigv4::{self, SignatureError};
use crate::store::{Store, sessions};
use crate::subject::Subject;
use crate::wire::{self, Body, Peer};

const MAX_FORM_BYTES: usize = 64 * 1024;
const MAX_SECONDS: u32 = 43_200;
/// The longest session that another session may open: role chaining.
const MAX_CHAINED_SECONDS: u32 = 3_600;
const DEFAULT_SECONDS: u32 = 3_600;
const MAX_POLICY_BYTES: usize = 2_048;
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The service.
pub(crate) struct Sts {
    pub(crate) store: Arc<Store>,
    pub(crate) identities: Arc<Identities>,
    pub(crate) clock: Clock,
    pub(crate) min_seconds: u32,
}

/// An error response.
struct StsError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl StsError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationError", message)
    }

    fn into_response(self) -> Response<Body> {
        let body = format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>\
             <RequestId>{}</RequestId></ErrorResponse>",
            self.code,
            escape(&self.message),
            wire::request_id()
        );
        wire::response(self.status, "text/xml", body)
    }
}

impl From<SignatureError> for StsError {
    fn from(error: SignatureError) -> Self {
        let forbidden = |code, message: &str| Self::new(StatusCode::FORBIDDEN, code, message);
        match error {
            SignatureError::Missing => {
                forbidden("MissingAuthenticationToken", "Request is missing Authentication Token")
            }
            SignatureError::Incomplete(message) => Self::new(StatusCode::BAD_REQUEST, "IncompleteSignature", message),
            SignatureError::WrongScope(message) => forbidden("SignatureDoesNotMatch", message),
            SignatureError::Skewed => {
                forbidden("SignatureDoesNotMatch", "Signature expired: the request's date is more than 15 minutes off")
            }
            SignatureError::Credentials(CredentialError::Expired) => {
                forbidden("ExpiredToken", "The security token included in the request is expired")
            }
            SignatureError::Credentials(CredentialError::UnknownKey | CredentialError::InvalidToken) => {
                forbidden("InvalidClientTokenId", "The security token included in the request is invalid.")
            }
            SignatureError::Mismatch => forbidden(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.",
            ),
        }
    }
}

impl Sts {
    pub(crate) async fn respond(&self, head: Parts, body: Incoming) -> Response<Body> {
        match self.dispatch(&head, body).await {
            Ok(xml) => wire::response(StatusCode::OK, "text/xml", xml),
            Err(error) => error.into_response(),
        }
    }

    async fn dispatch(&self, head: &Parts, body: Incoming) -> Result<String, StsError> {
        let body = wire::collect(body, MAX_FORM_BYTES)
            .await
            .map_err(|_| StsError::invalid("The request's body could not be read"))?;
        RecordedCall::describe(&head.extensions, || describe(&body));
        let caller = sigv4::verify(head, &body, "sts", &self.identities)?;
        let form: HashMap<String, String> = serde_urlencoded::from_bytes(&body)
            .map_err(|_| StsError::invalid("The request's form could not be read"))?;
        match form.get("Action").map(String::as_str) {
            Some("AssumeRole") => {
                let peer = head.extensions.get::<Peer>().map(|peer| peer.0);
                self.assume_role(&caller, peer, &form).await
            }
            Some("GetCallerIdentity") => Ok(caller_identity(&caller)),
            _ => Err(StsError::new(StatusCode::BAD_REQUEST, "InvalidAction", "Could not find the requested operation")),
        }
    }

    async fn assume_role(
        &self,
        caller: &Caller,
        peer: Option<IpAddr>,
        form: &HashMap<String, String>,
    ) -> Result<String, StsError> {
        let request = AssumeRole::parse(form, caller, self.min_seconds)?;
        let permission = Permission::new("sts:AssumeRole", &request.role_arn);
        if !policy::authorise(policy::Request { caller: Some(caller), permission: &permission, peer }, None) {
            return Err(StsError::new(StatusCode::FORBIDDEN, "AccessDenied", caller.denied(&permission)));
        }
        let session = self.open(request);
        let response = assumed(&session);
        // Stored before the client gets it: a session survives a restart.
        self.store.run(|connection| sessions::insert(connection, &session)).await.map_err(|error| {
            tracing::error!(error = %error, "session store failed");
            StsError::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure", "The session could not be stored")
        })?;
        self.identities.add(session);
        Ok(response)
    }

    fn open(&self, request: AssumeRole) -> Session {
        let role_id = format!("AROA{}:{}", random_letters(16), request.name);
        Session {
            access_key_id: format!("ASIA{}", random_letters(16)),
            secret: random_letters(40),
            token: random_letters(96),
            arn: format!("arn:aws:sts::{ACCOUNT_ID}:assumed-role/{}/{}", request.role, request.name),
            role_id,
            role: self.identities.role(&request.role),
            policy: request.policy,
            expires: self.clock.now() + i64::from(request.seconds) * 1000,
        }
    }
}

/// What a request is about.
pub(crate) fn describe(body: &[u8]) -> Description {
    let form: HashMap<String, String> = serde_urlencoded::from_bytes(body).unwrap_or_default();
    let operation = match form.get("Action").map(String::as_str) {
        Some("AssumeRole") => "AssumeRole",
        Some("GetCallerIdentity") => "GetCallerIdentity",
        _ => "Unknown",
    };
    let role = form.get("RoleArn").and_then(|arn| arn.rsplit('/').next());
    let subject = role.map_or(Subject::None, |role| Subject::Role(role.to_owned()));
    Description { service: "sts", operation, subject }
}

/// A checked request of `AssumeRole`.
struct AssumeRole {
    role_arn: String,
    role: String,
    name: String,
    seconds: u32,
    policy: Option<(String, awsim_iam_policy::PolicyDocument)>,
}

impl AssumeRole {
    fn parse(form: &HashMap<String, String>, caller: &Caller, min_seconds: u32) -> Result<Self, StsError> {
        let required = |name: &str| {
            form.get(name).cloned().ok_or_else(|| {
                StsError::invalid(format!(
                    "Value null at '{name}' failed to satisfy constraint: Member must not be null"
                ))
            })
        };
        let role_arn = required("RoleArn")?;
        let role = role_arn
            .split_once(":role/")
            .filter(|(start, role)| start.starts_with("arn:") && !role.is_empty())
            .map(|(_, role)| role.rsplit('/').next().unwrap_or(role).to_owned())
            .ok_or_else(|| StsError::invalid(format!("{role_arn} is invalid")))?;
        let name = required("RoleSessionName")?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c);
        if !(2..=64).contains(&name.len()) || !name.chars().all(allowed) {
            return Err(StsError::invalid(
                "Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
            ));
        }
        let policy = form
            .get("Policy")
            .map(|text| match awsim_iam_policy::parse(text) {
                Ok(parsed) if text.len() <= MAX_POLICY_BYTES => Ok((text.clone(), parsed)),
                _ => Err(StsError::new(
                    StatusCode::BAD_REQUEST,
                    "MalformedPolicyDocument",
                    "The policy is not in the valid JSON format.",
                )),
            })
            .transpose()?;
        Ok(Self { role_arn, role, name, seconds: duration(form, caller, min_seconds)?, policy })
    }
}

fn duration(form: &HashMap<String, String>, caller: &Caller, min_seconds: u32) -> Result<u32, StsError> {
    let seconds = match form.get("DurationSeconds") {
        None => DEFAULT_SECONDS,
        Some(text) => text.parse().map_err(|_| StsError::invalid("DurationSeconds must be a number"))?,
    };
    if !(min_seconds..=MAX_SECONDS).contains(&seconds) {
        return Err(StsError::invalid(format!(
            "Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value between {min_seconds} and {MAX_SECONDS}"
        )));
    }
    if matches!(caller, Caller::Session(_)) && seconds > MAX_CHAINED_SECONDS {
        return Err(StsError::invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    Ok(seconds)
}

fn assumed(session: &Session) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"{NAMESPACE}\"><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn>\
         </AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
         <Expiration>{}</Expiration></Credentials></AssumeRoleResult><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\
         </AssumeRoleResponse>",
        escape(&session.role_id),
        escape(&session.arn),
        session.access_key_id,
        session.secret,
        session.token,
        datetime(session.expires).to_rfc3339_opts(SecondsFormat::Secs, true),
        wire::request_id()
    )
}

fn caller_identity(caller: &Caller) -> String {
    format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult><Arn>{}</Arn><UserId>{}</UserId>\
         <Account>{ACCOUNT_ID}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>",
        escape(&caller.arn()),
        escape(caller.user_id()),
        wire::request_id()
    )
}

/// Random upper-case hexadecimal digits.
fn random_letters(count: usize) -> String {
    let mut letters = String::with_capacity(count + 32);
    while letters.len() < count {
        letters.push_str(&uuid::Uuid::new_v4().simple().to_string().to_ascii_uppercase());
    }
    letters.truncate(count);
    letters
}
