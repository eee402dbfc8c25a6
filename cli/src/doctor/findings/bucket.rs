//! Who may read, and how: CORS, public access, TLS.

use crate::doctor::{
    check::{Check, Judged, Severity, each, wrong_if},
    facts::{CorsRule, Deployment, Fact},
    policy::Policy,
};

pub(super) const CHECKS: [Check; 4] = [
    Check {
        id: "cors-hides-headers",
        severity: Severity::Warning,
        title: "Pages cannot poll as they should",
        why: "Without ETag every poll of a page transfers the whole object, without Date a page whose clock is wrong \
              polls too early or too late, and without the header if-none-match its polls are refused.",
        fix: "Give the bucket a CORS rule for GET that allows the header if-none-match and exposes ETag and Date.",
        judge: |d| d.buckets.iter().map(|b| Judged::new(&b.label, cors(&b.cors))).collect(),
    },
    Check {
        id: "public-access",
        severity: Severity::Error,
        title: "Anybody may read or write",
        why: "Status objects and results are readable by their URLs alone; who may do more than that reads the orders \
              of others, or makes them up.",
        fix: "Turn on all four blocks of public access of the bucket, and name principals in the policies of bucket \
              and queues instead of \"*\".",
        judge: public,
    },
    Check {
        id: "plain-http-allowed",
        severity: Severity::Warning,
        title: "Requests without TLS are taken",
        why: "A presigned URL that is used over plain HTTP is read, and may be used, by everybody on the way.",
        fix: "Deny everything where aws:SecureTransport is false, in the policy of the bucket and of each queue.",
        judge: plain_http,
    },
    Check {
        id: "old-tls",
        severity: Severity::Warning,
        title: "A domain takes TLS older than 1.2",
        why: "TLS 1.0 and 1.1 are broken, and audits find them.",
        fix: "Set the security policy of the domain to TLS_1_2.",
        judge: |d| {
            each(
                &d.domains,
                "domains",
                |domain| &domain.label,
                |domain| {
                    let policy = domain.security_policy.clone()?;
                    wrong_if(policy.starts_with("TLS_1_0"), || format!("its security policy is {policy}"))
                },
            )
        },
    },
];

fn cors(rules: &Fact<Vec<CorsRule>>) -> Fact<Option<String>> {
    let rules = rules.as_ref().map_err(Clone::clone)?;
    let reads = |rule: &&CorsRule| rule.methods.iter().any(|m| m == "GET");
    let mut reading = rules.iter().filter(reads).peekable();
    if reading.peek().is_none() {
        return Ok(Some("no CORS rule lets a page GET an object".to_owned()));
    }
    let has = |headers: &[String], wanted: &str| {
        headers.iter().any(|h| h == "*" || h.eq_ignore_ascii_case(wanted) || (h == "if-*" && wanted.starts_with("if-")))
    };
    Ok(reading.find_map(|rule| {
        let hidden: Vec<&str> = ["ETag", "Date"].into_iter().filter(|h| !has(&rule.exposed_headers, h)).collect();
        if !hidden.is_empty() {
            return Some(format!("a CORS rule for GET does not expose {}", hidden.join(" and ")));
        }
        (!has(&rule.allowed_headers, "if-none-match"))
            .then(|| "a CORS rule for GET does not allow the header if-none-match".to_owned())
    }))
}

fn public(deployment: &Deployment) -> Vec<Judged> {
    let by_policy = |policy: &Fact<Option<Policy>>| -> Fact<Option<String>> {
        let policy = policy.as_ref().map_err(Clone::clone)?;
        let mut public = policy.iter().flat_map(Policy::public);
        Ok(public.next().map(|s| format!("its policy allows {} to everybody", s.actions.join(", "))))
    };
    let mut judged = Vec::new();
    for bucket in &deployment.buckets {
        let blocked = match &bucket.public_access_blocked {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some("not all four blocks of public access are on".to_owned())),
            Err(why) => Err(why.clone()),
        };
        judged.push(Judged::new(&bucket.label, blocked));
        judged.push(Judged::new(&format!("{}, its policy", bucket.label), by_policy(&bucket.policy)));
    }
    judged.extend(deployment.queues.iter().map(|q| Judged::new(&q.label, by_policy(&q.policy))));
    judged
}

fn plain_http(deployment: &Deployment) -> Vec<Judged> {
    let judge = |policy: &Fact<Option<Policy>>| match policy {
        Ok(Some(policy)) => wrong_if(!policy.refuses_plain_http(), || {
            "its policy does not deny requests without aws:SecureTransport".to_owned()
        }),
        Ok(None) => Ok(Some("it has no policy, and so none that denies requests without TLS".to_owned())),
        Err(why) => Err(why.clone()),
    };
    let buckets = deployment.buckets.iter().map(|b| Judged::new(&b.label, judge(&b.policy)));
    buckets.chain(deployment.queues.iter().map(|q| Judged::new(&q.label, judge(&q.policy)))).collect()
}
