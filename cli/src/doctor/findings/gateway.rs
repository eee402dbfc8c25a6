//! API Gateway.

use crate::doctor::check::{Check, Severity, each, wrong_if};

pub(super) const CHECKS: [Check; 1] = [Check {
    id: "websocket-unthrottled",
    severity: Severity::Warning,
    title: "The stage of the WebSocket API has no throttle of its own",
    why: "A client in a loop may take all that API Gateway grants the account in the region, and the HTTP API with it.",
    fix: "Set throttling_rate_limit and throttling_burst_limit in the stage's default route settings.",
    judge: |d| {
        each(
            &d.stages,
            "stages of WebSocket APIs",
            |s| &s.label,
            |s| {
                let rate = s.rate.clone()?;
                wrong_if(rate.is_none(), || "its default route settings have no throttling_rate_limit".to_owned())
            },
        )
    },
}];
