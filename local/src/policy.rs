//! Authorisation by the policies of users, sessions and buckets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use awsim_iam_policy::{AuthzRequest, ContextValue, Decision, EvalContext, PolicyDocument, evaluate};

use crate::identity::Caller;
use crate::options::ACCOUNT_ID;
use crate::permission::Permission;

/// The root user, and every session of a role without policies, may do everything that no narrower
/// policy takes away.
static ALLOW_ALL: LazyLock<[PolicyDocument; 1]> = LazyLock::new(|| {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    [awsim_iam_policy::parse(text).expect("a constant that a test parses")]
});

/// A caller's request for an action on a resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// `None` is an anonymous caller.
    pub(crate) caller: Option<&'a Caller>,
    pub(crate) permission: &'a Permission,
    /// For `aws:SourceIp`.
    pub(crate) peer: Option<IpAddr>,
}

/// Decides about a request, and records the decision where the caller is a user.
pub(crate) fn authorise(request: Request<'_>, resource_policy: Option<&PolicyDocument>) -> bool {
    let allowed = allows(request, resource_policy);
    if let Some(caller) = request.caller {
        caller.record(request.permission, allowed);
    }
    allowed
}

/// Whether the policies of the caller and of the resource, if there are any, allow it.
pub(crate) fn allows(request: Request<'_>, resource_policy: Option<&PolicyDocument>) -> bool {
    if matches!(request.caller, Some(Caller::Root)) && resource_policy.is_none() {
        return true;
    }
    let mut context = HashMap::from([("aws:SecureTransport".to_owned(), ContextValue::Bool(false))]);
    if let Some(peer) = request.peer {
        context.insert("aws:SourceIp".to_owned(), ContextValue::Ip(peer.to_string()));
    }
    let principal = request.caller.map_or_else(|| "*".to_owned(), Caller::arn);
    let of_identity = request.caller.and_then(Caller::identity_policy);
    let (account, identity_policies): (&str, &[PolicyDocument]) = match (request.caller, of_identity) {
        (None, _) => ("anonymous", &[]),
        (Some(_), None) => (ACCOUNT_ID, &*ALLOW_ALL),
        (Some(_), Some(policy)) => (ACCOUNT_ID, std::slice::from_ref(policy)),
    };
    let decision = evaluate(
        &AuthzRequest {
            principal_arn: &principal,
            principal_account: account,
            action: &request.permission.action,
            resource_arn: &request.permission.resource,
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

    fn anyone_reads(resource: &str, policy: Option<&PolicyDocument>) -> bool {
        let permission = Permission::new("s3:GetObject", resource);
        allows(Request { caller: None, permission: &permission, peer: None }, policy)
    }

    #[test]
    fn an_anonymous_caller_needs_a_policy_that_names_everyone() {
        assert!(!anyone_reads("arn:aws:s3:::b/k", None));
        let public = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/public/*"}]}"#;
        let public = awsim_iam_policy::parse(public).unwrap();
        assert!(anyone_reads("arn:aws:s3:::b/public/x", Some(&public)));
        assert!(!anyone_reads("arn:aws:s3:::b/private/x", Some(&public)));
    }

    #[test]
    fn a_deny_in_the_bucket_policy_binds_the_root_too() {
        let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::b/*"}]}"#;
        let deny = awsim_iam_policy::parse(deny).unwrap();
        let root_may = |action: &str| {
            let permission = Permission::new(action, "arn:aws:s3:::b/k");
            allows(Request { caller: Some(&Caller::Root), permission: &permission, peer: None }, Some(&deny))
        };
        assert!(!root_may("s3:DeleteObject") && root_may("s3:GetObject"));
    }
}
