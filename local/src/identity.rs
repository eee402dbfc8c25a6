//! The principals that may sign: the root user, users with a policy each, and sessions that STS
//! granted.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use awsim_iam_policy::PolicyDocument;
use subtle::ConstantTimeEq;

use crate::clock::{Clock, Millis};
use crate::options::ACCOUNT_ID;
use crate::permission::{Permission, Permissions};

/// Temporary credentials, as `AssumeRole` granted them.
pub(crate) struct Session {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    /// `arn:aws:sts::…:assumed-role/ROLE/NAME`
    pub(crate) arn: String,
    /// `AROA…:NAME`
    pub(crate) role_id: String,
    /// What its role may do; `None` for a role without policies here, which may do everything.
    pub(crate) role: Option<Arc<PolicyDocument>>,
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

/// A user with a long-lived key, who may do what the policy allows and nothing else.
pub(crate) struct User {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) policy: PolicyDocument,
    permissions: Mutex<Permissions>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// The principal behind a verified signature.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Root,
    User(Arc<User>),
    Session(Arc<Session>),
}

impl Caller {
    pub(crate) fn arn(&self) -> String {
        match self {
            Self::Root => format!("arn:aws:iam::{ACCOUNT_ID}:root"),
            Self::User(user) => format!("arn:aws:iam::{ACCOUNT_ID}:user/{}", user.access_key_id),
            Self::Session(session) => session.arn.clone(),
        }
    }

    pub(crate) fn user_id(&self) -> &str {
        match self {
            Self::Root => ACCOUNT_ID,
            Self::User(user) => &user.access_key_id,
            Self::Session(session) => &session.role_id,
        }
    }

    /// Whether a policy of its own restricts it.
    pub(crate) fn is_restricted(&self) -> bool {
        self.identity_policy().or_else(|| self.session_policy()).is_some()
    }

    /// What the user or the session's role may do.
    pub(crate) fn identity_policy(&self) -> Option<&PolicyDocument> {
        match self {
            Self::User(user) => Some(&user.policy),
            Self::Session(session) => session.role.as_deref(),
            Self::Root => None,
        }
    }

    pub(crate) fn session_policy(&self) -> Option<&PolicyDocument> {
        match self {
            Self::Root | Self::User(_) => None,
            Self::Session(session) => session.policy.as_ref().map(|(_, parsed)| parsed),
        }
    }
}

impl Caller {
    /// The message of AWS for a denied request.
    pub(crate) fn denied(&self, permission: &Permission) -> String {
        let policy = if self.identity_policy().is_some() { "identity-based" } else { "session" };
        let (arn, Permission { action, resource }) = (self.arn(), permission);
        format!(
            "User: {arn} is not authorized to perform: {action} on resource: {resource} because no {policy} policy allows the {action} action"
        )
    }

    /// Records what a user was allowed or denied.
    pub(crate) fn record(&self, permission: &Permission, allowed: bool) {
        if let Self::User(user) = self {
            user.permissions.lock().record(permission, allowed);
        }
    }
}

/// Why credentials are refused before any signature is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialError {
    UnknownKey,
    /// The token is missing, belongs to other credentials, or was sent with a long-lived key.
    InvalidToken,
    Expired,
}

/// Every key that is valid for this stack. Sessions are in memory, because each request needs them,
/// and STS also writes them to the store.
pub(crate) struct Identities {
    root_id: String,
    root_secret: String,
    users: RwLock<HashMap<String, Arc<User>>>,
    /// What roles may do, by name.
    roles: RwLock<HashMap<String, Arc<PolicyDocument>>>,
    sessions: RwLock<HashMap<String, Arc<Session>>>,
    clock: Clock,
}

impl Identities {
    pub(crate) fn new(root_id: String, root_secret: String, sessions: Vec<Session>, clock: Clock) -> Self {
        let sessions = sessions.into_iter().map(|session| (session.access_key_id.clone(), Arc::new(session))).collect();
        Self {
            root_id,
            root_secret,
            users: RwLock::default(),
            roles: RwLock::default(),
            sessions: RwLock::new(sessions),
            clock,
        }
    }

    /// The caller with this key and session token. The signature is still to be checked against
    /// [`secret`](Self::secret).
    pub(crate) fn caller(&self, access_key_id: &str, token: Option<&str>) -> Result<Caller, CredentialError> {
        if access_key_id == self.root_id {
            return if token.is_none() { Ok(Caller::Root) } else { Err(CredentialError::InvalidToken) };
        }
        if let Some(user) = self.user(access_key_id) {
            return if token.is_none() { Ok(Caller::User(user)) } else { Err(CredentialError::InvalidToken) };
        }
        let session = self.session(access_key_id).ok_or(CredentialError::UnknownKey)?;
        let token = token.ok_or(CredentialError::InvalidToken)?;
        if !bool::from(token.as_bytes().ct_eq(session.token.as_bytes())) {
            return Err(CredentialError::InvalidToken);
        }
        if session.expires <= self.clock.now() {
            return Err(CredentialError::Expired);
        }
        Ok(Caller::Session(session))
    }

    /// The caller's access key.
    pub(crate) fn access_key_id<'a>(&'a self, caller: &'a Caller) -> &'a str {
        match caller {
            Caller::Root => &self.root_id,
            Caller::User(user) => &user.access_key_id,
            Caller::Session(session) => &session.access_key_id,
        }
    }

    /// The caller's secret.
    pub(crate) fn secret<'a>(&'a self, caller: &'a Caller) -> &'a str {
        match caller {
            Caller::Root => &self.root_secret,
            Caller::User(user) => &user.secret,
            Caller::Session(session) => &session.secret,
        }
    }

    /// The secret of an access key, for a verifier that knows nothing else of the caller.
    pub(crate) fn secret_of(&self, access_key_id: &str) -> Option<String> {
        if access_key_id == self.root_id {
            return Some(self.root_secret.clone());
        }
        let of_user = self.user(access_key_id).map(|user| user.secret.clone());
        of_user.or_else(|| self.session(access_key_id).map(|session| session.secret.clone()))
    }

    /// Adds a user, or replaces the one with this key.
    pub(crate) fn add_user(&self, access_key_id: String, secret: String, policy: PolicyDocument) {
        let user = User { access_key_id: access_key_id.clone(), secret, policy, permissions: Mutex::default() };
        self.users.write().insert(access_key_id, Arc::new(user));
    }

    /// Sessions of this role that begin from now on may do what the policy allows and nothing else.
    pub(crate) fn add_role(&self, name: String, policy: PolicyDocument) {
        self.roles.write().insert(name, Arc::new(policy));
    }

    pub(crate) fn role(&self, name: &str) -> Option<Arc<PolicyDocument>> {
        self.roles.read().get(name).cloned()
    }

    /// What a user was allowed and denied.
    pub(crate) fn permissions(&self, access_key_id: &str) -> Permissions {
        self.user(access_key_id).map(|user| user.permissions.lock().clone()).unwrap_or_default()
    }

    pub(crate) fn add(&self, session: Session) {
        let mut sessions = self.sessions.write();
        sessions.insert(session.access_key_id.clone(), Arc::new(session));
    }

    /// Removes sessions that expired before `before`. Until then their clients get `ExpiredToken`,
    /// not an unknown key.
    pub(crate) fn forget_expired(&self, before: Millis) {
        let mut sessions = self.sessions.write();
        sessions.retain(|_, session| session.expires >= before);
    }

    fn user(&self, access_key_id: &str) -> Option<Arc<User>> {
        self.users.read().get(access_key_id).cloned()
    }

    fn session(&self, access_key_id: &str) -> Option<Arc<Session>> {
        self.sessions.read().get(access_key_id).cloned()
    }
}
