//! Roles and their policies.

use std::collections::BTreeSet;

use super::{
    call::{Caller, IAM},
    xml,
};
use crate::doctor::{
    facts::{Fact, Program, Role, Unknown},
    managed_policy::managed,
    policy::Policy,
};

/// The roles of programs, and the one by which URLs are signed.
pub(super) async fn roles(caller: &Caller, programs: &[Program]) -> Fact<Vec<Role>> {
    let own = programs.iter().filter_map(|p| p.role.clone().ok());
    let signers = programs.iter().filter_map(|p| p.variable("OFFLOAD_SIGNER_ROLE_ARN").ok().flatten());
    let signers = signers.map(|arn| arn.rsplit('/').next().unwrap_or(arn).to_owned());
    let names: BTreeSet<String> = own.chain(signers).filter(|name| !name.is_empty()).collect();
    let mut roles = Vec::new();
    for name in names {
        let policies = policies(caller, &name).await;
        roles.push(Role { label: format!("role {name}"), name, policies });
    }
    Ok(roles)
}

async fn policies(caller: &Caller, role: &str) -> Fact<Vec<(String, Fact<Policy>)>> {
    let of = [("RoleName", role), ("MaxItems", "100")];
    let mut policies = Vec::new();
    let inline = caller.query(IAM, "ListRolePolicies", &of).await?;
    for name in xml::read(&inline, |root| xml::texts(root, "member"))? {
        let form = [("RoleName", role), ("PolicyName", &name)];
        let answer = caller.query(IAM, "GetRolePolicy", &form).await;
        policies.push((name, answer.and_then(|answer| document(&answer, "PolicyDocument"))));
    }
    let attached = caller.query(IAM, "ListAttachedRolePolicies", &of).await?;
    for arn in xml::read(&attached, |root| xml::texts(root, "PolicyArn"))? {
        match managed(&arn) {
            Some(known) => policies.extend(known.map(|policy| (arn, Ok(policy)))),
            None => {
                let policy = attached_policy(caller, &arn).await;
                policies.push((arn, policy));
            }
        }
    }
    Ok(policies)
}

async fn attached_policy(caller: &Caller, arn: &str) -> Fact<Policy> {
    let policy = caller.query(IAM, "GetPolicy", &[("PolicyArn", arn)]).await?;
    let version = xml::read(&policy, |root| xml::text(root, "DefaultVersionId").map(str::to_owned))?;
    let version = version.unwrap_or_else(|| "v1".to_owned());
    let form = [("PolicyArn", arn), ("VersionId", version.as_str())];
    document(&caller.query(IAM, "GetPolicyVersion", &form).await?, "Document")
}

/// A policy in an answer, as IAM encodes it.
fn document(answer: &str, element: &'static str) -> Fact<Policy> {
    let text = xml::read(answer, |root| xml::text(root, element).map(str::to_owned))?.unwrap_or_default();
    let bytes = url::form_urlencoded::parse(format!("d={}", text.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, text)| text.into_owned())
        .unwrap_or_default();
    Policy::parse(&bytes).ok_or_else(|| Unknown("a policy cannot be read".to_owned()))
}
