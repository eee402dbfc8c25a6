//! What roles may do: too little for a key, or more than their programs do.

use std::collections::BTreeSet;

use crate::doctor::{
    check::{Check, Judged, Severity},
    facts::{Deployment, Fact, Part, Program, Role, Unknown},
    policy::{Statement, matches},
};

pub(super) const CHECKS: [Check; 2] = [
    Check {
        id: "kms-denied",
        severity: Severity::Error,
        title: "A role may not use the key of what it reads or writes",
        why: "Every read or write fails with AccessDenied of KMS, although the role may use bucket, queue and table.",
        fix: "Allow the role kms:Decrypt on the key, and kms:GenerateDataKey where it writes or sends. If the key's own \
              policy names the role, skip this finding: it is not read.",
        judge: kms,
    },
    Check {
        id: "unused-permission",
        severity: Severity::Warning,
        title: "A role may do more than its program does",
        why: "What a program never asks for is of use to an intruder alone.",
        fix: "Leave out what is named. infra/terraform grants each role exactly what its code calls.",
        judge: unused,
    },
];

/// The actions on bucket, table and queues that each part asks for. A test compares them with the
/// roles of infra/terraform, whose tests compare those with what the code calls.
pub(in crate::doctor) fn needed(part: Part) -> Vec<&'static str> {
    let worker = [
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "s3:GetObject",
        "s3:PutObject",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    ];
    let ends_orders = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "s3:GetObject", "s3:PutObject"];
    let receives = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
    let sweeps = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "s3:DeleteObject"];
    let sends = ["sqs:GetQueueAttributes", "sqs:SendMessage"];
    match part {
        Part::Api => [&worker[..7], &["s3:DeleteObject"], &sends].concat(),
        Part::Worker => worker.to_vec(),
        Part::DeadLetters => [&ends_orders[..], &receives, &["sqs:SendMessage"]].concat(),
        Part::Sweeper => [&ends_orders[..], &sweeps, &sends].concat(),
        Part::Notifier => vec![
            "dynamodb:DeleteItem",
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
        ],
        Part::Container => [&worker[..], &sweeps].concat(),
    }
}

/// What signs URLs reads; listing has S3 answer 404 for what is not there.
const SIGNER: [&str; 2] = ["s3:GetObject", "s3:ListBucket"];

impl Role {
    /// Whether one of its policies allows this. Where none that is known does, one that is not may.
    pub(in crate::doctor) fn allows(&self, action: &str, resource: &str) -> Fact<bool> {
        let policies = self.policies.as_ref().map_err(Clone::clone)?;
        let mut doubt = None;
        for (_, policy) in policies {
            match policy {
                Ok(policy) if policy.allows(action, resource) => return Ok(true),
                Ok(_) => {}
                Err(why) => doubt = Some(why.clone()),
            }
        }
        doubt.map_or(Ok(false), Err)
    }
}

/// The role by which URLs are signed: its name, as the programs know it.
fn signer(programs: &[Program]) -> Fact<Option<String>> {
    let mut doubt = None;
    for program in programs {
        match program.variable("OFFLOAD_SIGNER_ROLE_ARN") {
            Ok(Some(arn)) => return Ok(Some(arn.rsplit('/').next().unwrap_or(arn).to_owned())),
            Ok(None) => {}
            Err(why) => doubt = Some(why),
        }
    }
    doubt.map_or(Ok(None), Err)
}

fn kms(deployment: &Deployment) -> Vec<Judged> {
    let buckets = deployment.buckets.iter().map(|b| (&b.label, &b.key));
    let tables = deployment.tables.iter().map(|t| (&t.label, &t.key));
    let queues = deployment.queues.iter().map(|q| (&q.label, &q.key));
    let (mut keys, mut judged) = (BTreeSet::new(), Vec::new());
    for (label, key) in buckets.chain(tables).chain(queues) {
        match key {
            // What has no key of the customer's needs no permission.
            Ok(key) => keys.extend(key.clone()),
            Err(why) => judged.push(Judged::new(label, Err(why.clone()))),
        }
    }
    if keys.is_empty() {
        return judged;
    }
    let programs = match &deployment.programs {
        Ok(programs) => programs,
        Err(why) => return vec![Judged::new("roles", Err(why.clone()))],
    };
    let signer = signer(programs);
    let users = programs.iter().map(|p| (p.role.clone(), &["kms:Decrypt", "kms:GenerateDataKey"][..]));
    let users: Vec<_> = users.chain(signer.transpose().map(|signer| (signer, &["kms:Decrypt"][..]))).collect();
    for (name, actions) in users {
        for key in &keys {
            judged.push(may_use(deployment, &name, actions, key));
        }
    }
    judged
}

fn may_use(deployment: &Deployment, name: &Fact<String>, actions: &[&str], key: &str) -> Judged {
    let role = name.as_ref().map_err(Clone::clone).and_then(|name| {
        let roles = deployment.roles.as_ref().map_err(Clone::clone)?;
        roles.iter().find(|r| r.name == *name).ok_or_else(|| Unknown(format!("the role {name} was not read")))
    });
    let role = match role {
        Ok(role) => role,
        Err(why) => return Judged::new("roles", Err(why)),
    };
    let missing: Fact<Vec<&str>> = actions.iter().try_fold(Vec::new(), |mut missing, action| {
        if !role.allows(action, key)? {
            missing.push(*action);
        }
        Ok(missing)
    });
    Judged::new(
        &role.label,
        missing.map(|missing| {
            (!missing.is_empty())
                .then(|| format!("no policy of it allows {} with the key {key}", missing.join(" and ")))
        }),
    )
}

fn unused(deployment: &Deployment) -> Vec<Judged> {
    let roles = match &deployment.roles {
        Ok(roles) => roles,
        Err(why) => return vec![Judged::new("roles", Err(why.clone()))],
    };
    let programs = deployment.programs.as_deref().unwrap_or_default();
    let signer = signer(programs);
    let mut judged = Vec::new();
    for role in roles {
        let of_programs = programs.iter().filter(|p| p.role.as_deref() == Ok(&role.name));
        let parts: Vec<Part> = of_programs.filter_map(Program::part).collect();
        let signs =
            signer.as_ref().ok().and_then(Option::as_deref) == Some(&role.name) || role.name.ends_with("-signer");
        let needed: BTreeSet<&str> = match (signs, parts.is_empty()) {
            (true, _) => SIGNER.into(),
            (false, false) => parts.into_iter().flat_map(needed).collect(),
            // Of something else than the service's programs.
            (false, true) => continue,
        };
        match &role.policies {
            Err(why) => judged.push(Judged::new(&role.label, Err(why.clone()))),
            Ok(policies) => {
                for (name, policy) in policies {
                    let too_much = policy.as_ref().map_err(Clone::clone).map(|policy| {
                        let statements = policy.0.iter().filter(|s| s.allows && is_ours(deployment, s));
                        let excess: Vec<String> = statements.flat_map(|s| excess(s, &needed)).collect();
                        (!excess.is_empty()).then(|| format!("it may {} and never does", excess.join(", ")))
                    });
                    let label = format!("{}, policy {name}", role.label);
                    judged.push(Judged { resource: label, outcome: too_much });
                }
            }
        }
    }
    judged
}

/// Whether a statement is about bucket, table or queues of the service: what else a team's own work
/// may do is its own matter.
fn is_ours(deployment: &Deployment, statement: &Statement) -> bool {
    let buckets = deployment.buckets.iter().flat_map(|b| {
        let arn = format!("arn:aws:s3:::{}", b.name);
        [format!("{arn}/status/x"), format!("{arn}/results/x"), format!("{arn}/logs/x"), arn]
    });
    let others = deployment.tables.iter().map(|t| &t.name).chain(deployment.queues.iter().map(|q| &q.name));
    let exact: Vec<String> = buckets.collect();
    let names: Vec<&String> = others.collect();
    statement.resources.iter().any(|pattern| {
        // Other partitions begin otherwise; the region and the account in the middle are any.
        let pattern = pattern.replacen("arn:aws-cn:", "arn:aws:", 1).replacen("arn:aws-us-gov:", "arn:aws:", 1);
        let named = |name: &&String| {
            let last = pattern.rsplit(':').next().unwrap_or_default().trim_start_matches("table/");
            let last = last.split('/').next().unwrap_or_default();
            (pattern.starts_with("arn:aws:sqs:") || pattern.starts_with("arn:aws:dynamodb:")) && matches(last, name)
        };
        pattern == "*" || exact.iter().any(|arn| matches(&pattern, arn)) || names.iter().any(named)
    })
}

/// The actions of a statement on S3, SQS and DynamoDB that are not needed.
fn excess(statement: &Statement, needed: &BTreeSet<&str>) -> Vec<String> {
    if statement.not_actions {
        return vec![format!("everything but {}", statement.actions.join(", "))];
    }
    let of_stores =
        |a: &&String| *a == "*" || ["s3:", "sqs:", "dynamodb:"].iter().any(|s| a.to_lowercase().starts_with(s));
    let is_needed = |a: &&String| needed.iter().any(|n| n.eq_ignore_ascii_case(a));
    statement.actions.iter().filter(of_stores).filter(|a| !is_needed(a)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::doctor::plan;

    /// Only with `events_from = "stream"`.
    const OF_STREAMS: [&str; 4] =
        ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

    /// The actions on the stores that Terraform's roles grant, by what has them.
    fn granted(plan: &str) -> Vec<(Part, BTreeSet<String>)> {
        let deployment = plan::read(&serde_json::from_str(plan).unwrap()).unwrap();
        let roles = deployment.roles.unwrap();
        let of = |program: &Program| {
            let role = roles.iter().find(|r| Ok(&r.name) == program.role.as_ref()).unwrap();
            let policies = role.policies.as_ref().unwrap().iter().map(|(_, policy)| policy.as_ref().unwrap());
            let actions = policies.flat_map(|p| &p.0).flat_map(|s| s.actions.clone());
            let of_stores = |a: &String| ["s3:", "sqs:", "dynamodb:"].iter().any(|s| a.starts_with(s));
            (program.part().unwrap(), actions.filter(of_stores).collect())
        };
        deployment.programs.unwrap().iter().map(of).collect()
    }

    #[test]
    fn what_a_part_needs_is_what_its_role_grants() {
        let plans =
            [include_str!("../../../tests/doctor/minimal.json"), include_str!("../../../tests/doctor/production.json")];
        let granted: Vec<_> = plans.into_iter().flat_map(granted).collect();
        for part in [Part::Api, Part::Worker, Part::DeadLetters, Part::Sweeper, Part::Notifier, Part::Container] {
            let needed: BTreeSet<&str> = needed(part).into_iter().filter(|a| !OF_STREAMS.contains(a)).collect();
            let (_, actions) = granted.iter().find(|(of, _)| *of == part).unwrap();
            assert_eq!(needed, actions.iter().map(String::as_str).collect(), "{part:?}");
        }
    }
}
