//! Who may sign: the root key of the stack, and the sessions that STS granted.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use awsim_iam_policy::PolicyDocument;
use subtle::ConstantTimeEq;

use crate::clock::{Clock, Millis};
use crate::options::ACCOUNT_ID;

/// Temporary credentials, as `AssumeRole` granted them.
pub(crate) struct Session {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    /// `arn:aws:sts::…:assumed-role/ROLE/NAME`
    pub(crate) arn: String,
    /// `AROA…:NAME`
    pub(crate) role_id: String,
    /// The session policy as it was sent, for the store, and parsed.
    pub(crate) policy: Option<(String, PolicyDocument)>,
    pub(crate) expires: Millis,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("access_key_id", &self.access_key_id)
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}

/// The principal behind a verified signature.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Root,
    Session(Arc<Session>),
}

impl Caller {
    pub(crate) fn arn(&self) -> String {
        match self {
            Self::Root => format!("arn:aws:iam::{ACCOUNT_ID}:root"),
            Self::Session(session) => session.arn.clone(),
        }
    }

    pub(crate) fn user_id(&self) -> &str {
        match self {
            Self::Root => ACCOUNT_ID,
            Self::Session(session) => &session.role_id,
        }
    }

    pub(crate) fn session_policy(&self) -> Option<&PolicyDocument> {
        match self {
            Self::Root => None,
            Self::Session(session) => session.policy.as_ref().map(|(_, parsed)| parsed),
        }
    }
}

/// Why credentials are refused before any signature is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialFault {
    UnknownKey,
    /// The token is missing, belongs to other credentials, or was sent with a key that has none.
    InvalidToken,
    Expired,
}

/// Every key that signs for this stack. Sessions are held in memory, because each request needs them, and written through to the
/// store by STS.
pub(crate) struct Identities {
    root_id: String,
    root_secret: String,
    sessions: RwLock<HashMap<String, Arc<Session>>>,
    clock: Clock,
}

impl Identities {
    pub(crate) fn new(root_id: String, root_secret: String, sessions: Vec<Session>, clock: Clock) -> Self {
        let sessions = sessions.into_iter().map(|session| (session.access_key_id.clone(), Arc::new(session))).collect();
        Self { root_id, root_secret, sessions: RwLock::new(sessions), clock }
    }

    /// The caller that a key and its session token stand for; the signature is still to be checked against [`secret`](Self::secret).
    pub(crate) fn caller(&self, access_key_id: &str, token: Option<&str>) -> Result<Caller, CredentialFault> {
        if access_key_id == self.root_id {
            return if token.is_none() { Ok(Caller::Root) } else { Err(CredentialFault::InvalidToken) };
        }
        let session = self.session(access_key_id).ok_or(CredentialFault::UnknownKey)?;
        let token = token.ok_or(CredentialFault::InvalidToken)?;
        if !bool::from(token.as_bytes().ct_eq(session.token.as_bytes())) {
            return Err(CredentialFault::InvalidToken);
        }
        if session.expires <= self.clock.now() {
            return Err(CredentialFault::Expired);
        }
        Ok(Caller::Session(session))
    }

    /// The id of the key that signs for `caller`.
    pub(crate) fn access_key_id<'a>(&'a self, caller: &'a Caller) -> &'a str {
        match caller {
            Caller::Root => &self.root_id,
            Caller::Session(session) => &session.access_key_id,
        }
    }

    /// The key that signs for `caller`.
    pub(crate) fn secret<'a>(&'a self, caller: &'a Caller) -> &'a str {
        match caller {
            Caller::Root => &self.root_secret,
            Caller::Session(session) => &session.secret,
        }
    }

    /// The key behind an id, for a verifier that knows nothing else of the caller.
    pub(crate) fn secret_of(&self, access_key_id: &str) -> Option<String> {
        if access_key_id == self.root_id {
            return Some(self.root_secret.clone());
        }
        self.session(access_key_id).map(|session| session.secret.clone())
    }

    pub(crate) fn add(&self, session: Session) {
        let mut sessions = self.sessions.write();
        sessions.insert(session.access_key_id.clone(), Arc::new(session));
    }

    /// Forgets sessions that expired before `before`. Until then their holder is told `ExpiredToken` rather than that the key is unknown.
    pub(crate) fn forget_expired(&self, before: Millis) {
        let mut sessions = self.sessions.write();
        sessions.retain(|_, session| session.expires >= before);
    }

    fn session(&self, access_key_id: &str) -> Option<Arc<Session>> {
        self.sessions.read().get(access_key_id).cloned()
    }
}
