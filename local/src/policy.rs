//! Who may do what: a session's own policy, and a bucket's.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use awsim_iam_policy::{AuthzRequest, ContextValue, Decision, EvalContext, PolicyDocument, evaluate};

use crate::identity::Caller;
use crate::options::ACCOUNT_ID;

/// Every principal of the account may do everything that no narrower policy takes away: the stack has no users or groups.
static ALLOW_ALL: LazyLock<[PolicyDocument; 1]> = LazyLock::new(|| {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    [awsim_iam_policy::parse(text).expect("a constant that a test parses")]
});

/// What a caller wants to do to a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// `None` is an anonymous caller.
    pub(crate) caller: Option<&'a Caller>,
    /// `s3:GetObject`
    pub(crate) action: &'a str,
    /// The resource's ARN.
    pub(crate) resource: &'a str,
    /// For `aws:SourceIp`.
    pub(crate) peer: Option<IpAddr>,
}

/// Whether the session's policy and the resource's own, if there are any, allow it.
pub(crate) fn allows(request: Request<'_>, resource_policy: Option<&PolicyDocument>) -> bool {
    if matches!(request.caller, Some(Caller::Root)) && resource_policy.is_none() {
        return true;
    }
    let mut context = HashMap::from([("aws:SecureTransport".to_owned(), ContextValue::Bool(false))]);
    if let Some(peer) = request.peer {
        context.insert("aws:SourceIp".to_owned(), ContextValue::Ip(peer.to_string()));
    }
    let principal = request.caller.map_or_else(|| "*".to_owned(), Caller::arn);
    let (account, identity_policies): (&str, &[PolicyDocument]) =
        if request.caller.is_some() { (ACCOUNT_ID, &*ALLOW_ALL) } else { ("anonymous", &[]) };
    let decision = evaluate(
        &AuthzRequest {
            principal_arn: &principal,
            principal_account: account,
            action: request.action,
            resource_arn: request.resource,
            context: &context,
        },
        &EvalContext {
            identity_policies,
            permissions_boundary: None,
            resource_policy,
            scps: &[],
            session_policy: request.caller.and_then(Caller::session_policy),
        },
    );
    decision == Decision::Allow
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anonymous(resource: &'static str) -> Request<'static> {
        Request { caller: None, action: "s3:GetObject", resource, peer: None }
    }

    #[test]
    fn an_anonymous_caller_needs_a_policy_that_names_everyone() {
        assert!(!allows(anonymous("arn:aws:s3:::b/k"), None));
        let public = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/public/*"}]}"#;
        let public = awsim_iam_policy::parse(public).unwrap();
        assert!(allows(anonymous("arn:aws:s3:::b/public/x"), Some(&public)));
        assert!(!allows(anonymous("arn:aws:s3:::b/private/x"), Some(&public)));
    }

    #[test]
    fn a_deny_in_the_bucket_policy_binds_the_root_too() {
        let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::b/*"}]}"#;
        let deny = awsim_iam_policy::parse(deny).unwrap();
        let request = Request {
            caller: Some(&Caller::Root),
            action: "s3:DeleteObject",
            resource: "arn:aws:s3:::b/k",
            peer: None,
        };
        assert!(!allows(request, Some(&deny)));
        assert!(allows(Request { action: "s3:GetObject", ..request }, Some(&deny)));
    }
}
