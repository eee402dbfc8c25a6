//! Roles and their policies.

use super::{
    bucket::policy,
    resource::{Plan, Resource},
};
use crate::doctor::{
    facts::{Fact, Role, Unknown},
    managed_policy::managed,
    policy::Policy,
};

pub(super) fn roles(plan: &Plan<'_>) -> Vec<Role> {
    plan.of_kind("aws_iam_role").map(|r| role(plan, r)).collect()
}

fn role(plan: &Plan<'_>, role: &Resource<'_>) -> Role {
    let text = |p: &Resource<'_>| -> Fact<Policy> {
        policy(p, "policy")?.ok_or_else(|| Unknown(format!("{} has no policy", p.address)))
    };
    let inline = plan.of(role, "aws_iam_role_policy", "role").map(|p| (p.name_by("name"), text(p)));
    let attached = plan.of(role, "aws_iam_role_policy_attachment", "role").filter_map(|a| attachment(plan, a));
    Role { label: role.address.to_owned(), name: role.name_by("name"), policies: Ok(inline.chain(attached).collect()) }
}

fn attachment(plan: &Plan<'_>, attachment: &Resource<'_>) -> Option<(String, Fact<Policy>)> {
    match attachment.text("policy_arn") {
        Ok(arn) => {
            let arn = arn?;
            if let Some(known) = managed(arn) {
                return known.map(|policy| (arn.to_owned(), Ok(policy)));
            }
            let own = plan.of_kind("aws_iam_policy").find(|p| p.text("arn") == Ok(Some(arn)));
            let unread = || Err(Unknown(format!("the policy {arn} was not read")));
            Some((arn.to_owned(), own.map_or_else(unread, document)))
        }
        Err(why) => {
            let to = plan.referred(attachment, "policy_arn", "aws_iam_policy");
            Some((attachment.address.to_owned(), to.map_or(Err(why), document)))
        }
    }
}

fn document(own: &Resource<'_>) -> Fact<Policy> {
    policy(own, "policy")?.ok_or_else(|| Unknown(format!("{} has no policy", own.address)))
}
