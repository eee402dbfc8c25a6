//! The groups in which notifications compete for their queue, where it is fair. Pure.
//!
//! A connection shares a group with its tenant's connections alone: somebody is waiting there. What
//! goes to one of the operator's services has a group of its tenant's for that service. And
//! webhooks have a few for each tenant, by their endpoint, so that one that hangs keeps the others
//! waiting seldom.

use sha2::{Digest as _, Sha256};
use url::Url;

use super::Target;
use crate::tenant::Tenant;

/// The groups of a tenant's webhooks. So few that each has a tenth of the messages in flight where
/// all of them hang: from there on SQS takes a group for a busy one.
const WEBHOOK_GROUPS: u8 = 8;
/// Those of the default tenant, beside which there is seldom another one.
const WEBHOOK_GROUPS_OF_DEFAULT: u8 = 32;

/// The group of a notification; `None` for connections of the default tenant.
pub(super) fn group(target: &Target, tenant: &Tenant) -> Option<String> {
    match target {
        Target::Connection(_) => (!tenant.is_default()).then(|| tenant.as_str().to_owned()),
        // No tenant's name has a slash.
        Target::Webhook { url } => Some(format!("{tenant}/{}", part(url, tenant))),
        Target::Topic | Target::Task { .. } | Target::Appsync | Target::Mercure => {
            Some(format!("{tenant}/{}", target.channel()))
        }
    }
}

/// Which of its tenant's groups an endpoint has.
fn part(url: &str, tenant: &Tenant) -> u8 {
    let origin = Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization());
    let groups = if tenant.is_default() { WEBHOOK_GROUPS_OF_DEFAULT } else { WEBHOOK_GROUPS };
    Sha256::digest(origin)[0] % groups
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::notification::{Holder, OpenConnection};

    fn webhook(n: usize, path: &str) -> Target {
        Target::Webhook { url: format!("https://{n}.example/{path}") }
    }

    #[test]
    fn a_tenant_has_a_few_groups_however_many_endpoints_it_has() {
        for (tenant, groups) in [("shop", 8), ("default", 32)] {
            let tenant: Tenant = tenant.parse().unwrap();
            let all: BTreeSet<_> = (0..10_000).map(|n| group(&webhook(n, ""), &tenant).unwrap()).collect();
            assert_eq!(all.len(), groups);
            assert!(all.iter().all(|group| group.starts_with(&format!("{tenant}/"))));
            assert_eq!(group(&webhook(7, "a"), &tenant), group(&webhook(7, "b?c"), &tenant), "by its origin");
        }
    }

    #[test]
    fn connections_share_no_group_with_what_nobody_waits_for() {
        let (shop, default) = ("shop".parse().unwrap(), Tenant::default());
        let connection = OpenConnection { holder: Holder::ApiServer, endpoint: "http://h".into(), id: "a".into() };
        let connection = Target::Connection(connection);
        assert_eq!(group(&connection, &shop).as_deref(), Some("shop"));
        assert_eq!(group(&connection, &default), None);
        let task = Target::Task { token: "t".into() };
        assert_eq!(group(&task, &default).as_deref(), Some("default/task"));
        assert_eq!(group(&Target::Topic, &shop).as_deref(), Some("shop/topic"));
    }
}
