//! Functions and containers: what signs URLs, and what is kept ready.

use chrono::TimeDelta;
use offload_domain::discipline::OFFSET_REPORTED;

use crate::doctor::{
    check::{Check, Judged, Severity, each, wrong_if},
    facts::{Deployment, Fact, Host, Part, Program, Unknown},
};

/// A session of a role that another role assumed lasts so long at most.
const SESSION_SECONDS: u64 = 3_600;
/// Credentials of a task of ECS.
const TASK_SECONDS: u64 = 21_600;
/// Defaults of the settings.
const STATUS_URL_TTL_SECONDS: u64 = 43_200;
const RESULT_URL_TTL_SECONDS: u64 = 86_400;
const DEFAULT_DEADLINE_SECONDS: u64 = 604_800;

pub(super) const CHECKS: [Check; 4] = [
    Check {
        id: "credentials-end-before-url",
        severity: Severity::Warning,
        title: "URLs are signed by credentials that end before they do",
        why: "A presigned URL dies with its signer's credentials, whatever its own expiry says: clients get 400 \
              ExpiredToken, and come to the api for another one.",
        fix: "Set OFFLOAD_SIGNER_ROLE_ARN to a role that may read the bucket, and OFFLOAD_STATUS_URL_TTL_SECONDS and \
              OFFLOAD_RESULT_URL_TTL_SECONDS to 3600 at most: a role that a role assumed lasts an hour.",
        judge: |d| signers(d, ends_before_url),
    },
    Check {
        id: "missing-seems-denied",
        severity: Severity::Warning,
        title: "A deleted status object and an expired URL get the same answer",
        why: "Where the signer may not list the bucket S3 answers 403 in place of 404, and without \
              OFFLOAD_PUBLIC_URL the status object names no place where a client could ask what it was.",
        fix: "Set OFFLOAD_PUBLIC_URL, or allow the signer s3:ListBucket on the bucket.",
        judge: |d| signers(d, seems_denied),
    },
    Check {
        id: "provisioned-unused",
        severity: Severity::Warning,
        title: "Functions are kept ready that nobody calls",
        why: "Provisioned concurrency is billed by the second, and serves only calls of the version or alias that it \
              is set for.",
        fix: "Set it for the alias that is called (live), or remove it.",
        judge: |d| {
            each(
                &d.provisioned,
                "provisioned concurrency",
                |p| &p.label,
                |p| {
                    let used = p.used.clone()?;
                    wrong_if(!used, || "what it keeps ready is called by nothing".to_owned())
                },
            )
        },
    },
    Check {
        id: "clock-skew",
        severity: Severity::Warning,
        title: "This machine's clock is wrong",
        why: "AWS refuses requests whose time is five minutes off, and S3 those of fifteen. The service corrects \
              itself; other programs of this machine do not, and logs have the wrong time.",
        fix: "Run NTP (chrony, systemd-timesyncd) on this machine.",
        judge: |d| vec![Judged::new("the clock of this machine", d.clock_offset.clone().and_then(skew))],
    },
];

/// The deadline of orders that bring none, and whether it is certain.
pub(super) fn deadline_seconds(deployment: &Deployment) -> (u64, Fact<()>) {
    let programs = match &deployment.programs {
        Ok(programs) => programs,
        Err(why) => return (DEFAULT_DEADLINE_SECONDS, Err(why.clone())),
    };
    let set: Vec<Fact<Option<u64>>> = programs
        .iter()
        .map(|p| Ok(p.variable("OFFLOAD_DEFAULT_DEADLINE_SECONDS")?.and_then(|v| v.parse().ok())))
        .collect();
    let longest = set.iter().filter_map(|s| s.as_ref().ok().copied().flatten()).max();
    let doubt = set.into_iter().find_map(Result::err);
    (longest.unwrap_or(DEFAULT_DEADLINE_SECONDS), doubt.map_or(Ok(()), Err))
}

/// Judges each program that signs URLs.
fn signers(deployment: &Deployment, judge: fn(&Deployment, &Program) -> Fact<Option<String>>) -> Vec<Judged> {
    let signs =
        |p: &&Program| matches!(p.part(), None | Some(Part::Api | Part::Worker | Part::DeadLetters | Part::Container));
    match &deployment.programs {
        Ok(programs) => programs.iter().filter(signs).map(|p| Judged::new(&p.label, judge(deployment, p))).collect(),
        Err(why) => vec![Judged::new("programs", Err(why.clone()))],
    }
}

fn ends_before_url(_: &Deployment, program: &Program) -> Fact<Option<String>> {
    let api = program.part() == Some(Part::Api);
    if api && program.variable("OFFLOAD_ACCESS")? == Some("sts") {
        return Ok(None);
    }
    let (variable, default) = if api {
        ("OFFLOAD_STATUS_URL_TTL_SECONDS", STATUS_URL_TTL_SECONDS)
    } else {
        ("OFFLOAD_RESULT_URL_TTL_SECONDS", RESULT_URL_TTL_SECONDS)
    };
    let signer = program.variable("OFFLOAD_SIGNER_ROLE_ARN")?;
    let ttl = program.variable(variable)?.and_then(|v| v.parse().ok()).unwrap_or(default);
    let (limit, whose) = match (signer, &program.host) {
        (Some(_), _) => (SESSION_SECONDS, "a session of the signer's role ends"),
        (None, Host::Function { .. }) => {
            return Ok(Some(
                "it has no OFFLOAD_SIGNER_ROLE_ARN, and a function does not know when its own credentials end"
                    .to_owned(),
            ));
        }
        (None, Host::Containers { .. }) => {
            (TASK_SECONDS, "it has no OFFLOAD_SIGNER_ROLE_ARN, and a task's credentials end")
        }
    };
    wrong_if(ttl > limit, || format!("{variable} is {ttl}, and {whose} after {limit} s at most"))
}

fn seems_denied(deployment: &Deployment, program: &Program) -> Fact<Option<String>> {
    if program.part() != Some(Part::Api) || program.variable("OFFLOAD_PUBLIC_URL")?.is_some() {
        return Ok(None);
    }
    let signer = match program.variable("OFFLOAD_SIGNER_ROLE_ARN")? {
        Some(arn) => arn.rsplit('/').next().unwrap_or(arn).to_owned(),
        None => program.role.clone()?,
    };
    let Some(bucket) = program.variable("OFFLOAD_BUCKET")? else { return Ok(None) };
    let roles = deployment.roles.as_ref().map_err(Clone::clone)?;
    let Some(role) = roles.iter().find(|r| r.name == signer) else {
        return Err(Unknown(format!("the role {signer} was not read")));
    };
    let may = role.allows("s3:ListBucket", &format!("arn:aws:s3:::{bucket}"))?;
    wrong_if(!may, || format!("OFFLOAD_PUBLIC_URL is not set, and {signer} may not s3:ListBucket"))
}

/// By what the others' clocks are ahead.
fn skew(offset: TimeDelta) -> Fact<Option<String>> {
    wrong_if(offset.abs() >= OFFSET_REPORTED, || {
        let way = if offset > TimeDelta::zero() { "behind" } else { "ahead of" };
        format!("it is {} s {way} those that answered", offset.abs().num_seconds())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_wrong_from_five_seconds_on_in_either_direction() {
        let of = |seconds| skew(TimeDelta::seconds(seconds)).unwrap();
        assert_eq!((of(0), of(4), of(-4)), (None, None, None));
        assert_eq!(of(5).unwrap(), "it is 5 s behind those that answered");
        assert_eq!(of(-600).unwrap(), "it is 600 s ahead of those that answered");
    }
}
