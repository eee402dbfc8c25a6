//! The permission that a request needs on its queue, and whether its caller has it.

use http::request::Parts;
use serde_json::Value;

use super::context::Shared;
use super::error::SqsError;
use crate::identity::Caller;
use crate::permission::Permission;
use crate::policy;
use crate::wire::Peer;

/// Refuses a request that the caller's policy does not allow on the queue that it names.
pub(super) fn check(sqs: &Shared, head: &Parts, caller: &Caller, action: &str, body: &[u8]) -> Result<(), SqsError> {
    if !caller.is_restricted() {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let resource = match (body["SourceArn"].as_str(), queue_name(&body)) {
        (Some(arn), _) => arn.to_owned(),
        (None, Some(queue)) => sqs.arn(queue),
        (None, None) => "*".to_owned(),
    };
    // A batch needs the permission for its single action.
    let action = action.strip_suffix("Batch").unwrap_or(action);
    let permission = Permission::new(&format!("sqs:{action}"), &resource);
    let peer = head.extensions.get::<Peer>().map(|peer| peer.0);
    if policy::authorise(policy::Request { caller: Some(caller), permission: &permission, peer }, None) {
        Ok(())
    } else {
        Err(SqsError::access_denied(caller.denied(&permission)))
    }
}

/// The queue that a request names, by URL, name or ARN.
pub(super) fn queue_name(body: &Value) -> Option<&str> {
    let last = |member: &str, separator| body[member].as_str()?.trim_end_matches('/').rsplit(separator).next();
    last("QueueUrl", '/').or_else(|| body["QueueName"].as_str()).or_else(|| last("SourceArn", ':'))
}
