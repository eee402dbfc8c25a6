//! Where webhooks may go.

use offload_domain::webhook::{Policy, Rule};

use crate::settings::{
    declare::settings,
    parser::{boolean, usable},
};

settings! {
    /// Whether orders may name a webhook.
    pub(super) struct OrderWebhooks in "Webhooks" {
        /// Whether orders may name a webhook: true or false. The workers need webhook-secret for
        /// it.
        allowed: bool = default(WEBHOOKS, "false", boolean),

        /// Where it may go.
        policy: Policy = group(),
    }
}

impl OrderWebhooks {
    pub(super) fn policy(self) -> Option<Policy> {
        self.allowed.then_some(self.policy)
    }
}

settings! {
    impl Policy in "Webhooks" {
        /// Hosts that webhooks may go to, separated by commas, such as hooks.example.com or
        /// *.example.com. If it is not set: any public host.
        allow: Vec<Rule> = fallback(WEBHOOK_ALLOW, usable(Rule::list), Vec::new),

        /// Hosts and networks that webhooks never go to, separated by commas, such as
        /// *.internal.example.com or 203.0.113.0/24.
        deny: Vec<Rule> = fallback(WEBHOOK_DENY, usable(Rule::list), Vec::new),

        /// Whether webhooks may go to this machine, by http or https, for development: true or
        /// false.
        loopback: bool = default(WEBHOOK_INSECURE_LOOPBACK, "false", boolean),
    }
}
