//! A test event to a webhook, for operators.

use offload_domain::{
    event::{EVENT_MEDIA_TYPE, TEST_EVENT_TYPE},
    tenant::Tenant,
};
use offload_service::{clock, settings::NotifierSettings};
use serde_json::json;

use super::{attempt::AttemptResult, channel::Webhooks};

/// Sends a signed test event to a URL, as far as these settings allow it. The status code of the
/// answer, or why there was none.
///
/// # Errors
/// If there is no secret that signs webhooks, or no client can be built.
pub async fn test_webhook(
    settings: &NotifierSettings,
    tenant: &Tenant,
    url: &str,
) -> Result<Result<u16, String>, String> {
    let webhooks = Webhooks::configured(settings)?.ok_or("there is no secret that signs webhooks")?;
    let id = format!("test/{}", uuid::Uuid::new_v4());
    let body = json!({
        "specversion": "1.0", "id": id, "source": "offload webhooks test", "type": TEST_EVENT_TYPE, "time": clock::now(),
        "datacontenttype": "application/json", "data": {"tenant": tenant, "media_type": EVENT_MEDIA_TYPE},
    });
    Ok(match webhooks.test(tenant, url, &id, body.to_string()).await {
        AttemptResult::Delivered { status } | AttemptResult::Gone { status } => Ok(status),
        AttemptResult::Failed(failure) | AttemptResult::Refused(failure) => failure.status.ok_or(failure.error),
        AttemptResult::Deferred(_) => Err("the endpoint is busy".to_owned()),
    })
}
