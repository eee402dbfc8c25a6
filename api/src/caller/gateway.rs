//! Callers that an authorizer of API Gateway has checked: its claims are in the Lambda event, which
//! no client can write.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>

use axum::http::request::Parts;
use lambda_http::{RequestExt as _, request::RequestContext};
use offload_domain::caller::Caller;
use serde_json::{Map, Value};

use super::{claims::ClaimNames, refused::Refused};

/// The caller that the authorizer found; `None` if the route has none, or outside of Lambda.
pub(super) fn caller(parts: &Parts, names: &ClaimNames) -> Result<Option<Caller>, Refused> {
    let Some(RequestContext::ApiGatewayV2(context)) = parts.request_context_ref() else { return Ok(None) };
    let Some(authorizer) = &context.authorizer else { return Ok(None) };
    let claims: Map<String, Value> = match &authorizer.jwt {
        Some(jwt) => jwt.claims.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect(),
        None if authorizer.fields.is_empty() => return Ok(None),
        // What a Lambda authorizer put into its context.
        None => authorizer.fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
    };
    names.caller(&claims).map(Some)
}
