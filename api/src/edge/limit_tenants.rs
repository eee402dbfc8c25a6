//! Limits what one tenant may take, from however many addresses its callers come. A request that
//! has no credentials but an order's token counts for its address alone.

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use offload_domain::tenant::Tenant;

use super::limit_concurrency::RequestPermit;
use crate::{
    caller::identity::Identity,
    client_address::ClientAddress,
    limits::{LimitReached, insert_fields},
    response::error::ApiError,
    service::Service,
};

pub(crate) async fn limit_tenants(
    service: &Service,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let Some(tenant) = limited(&request) else { return next(request).await };
    let fields = match service.limits.requests_of_tenant.check(&tenant, 1) {
        Ok(fields) => fields,
        Err(reached) => return ApiError::TooManyRequests(reached).into_response(),
    };
    let Some(share) = service.limits.in_service_of_tenant.take(tenant) else {
        let reached = LimitReached { what: "requests of this tenant in service", retry_after: 1, fields: None };
        return ApiError::TooManyRequests(reached).into_response();
    };
    if let Some(permit) = request.extensions().get::<RequestPermit>() {
        permit.hold(share);
    }
    let mut response = next(request).await;
    if let Some(fields) = fields {
        insert_fields(response.headers_mut(), fields);
    }
    response
}

/// The tenant whose limits hold for a request. The default one has none: whose callers are all of
/// it has nobody to protect. Nor do those whose connection API Gateway accepted, as in
/// [`limit_clients`](super::limit_clients::limit_clients).
fn limited(request: &Request) -> Option<Tenant> {
    request.extensions().get::<ClientAddress>()?;
    let identity = request.extensions().get::<Identity>()?;
    let tenant = &identity.caller().ok()??.tenant;
    (!tenant.is_default()).then(|| tenant.clone())
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::Arc};

    use axum::Router;
    use offload_service::settings::{Setting, catalogue as c};

    use super::*;
    use crate::{
        client_address::Peer,
        router::router,
        testing::{self, TestResponse, call, request},
    };

    async fn service(limit: (Setting, &str)) -> (Arc<Service>, Router) {
        let service = testing::service(&[(c::AUTH, "header"), (c::AUTH_HEADER, "x-caller"), limit]).await;
        let router = router(&service).unwrap();
        (service, router)
    }

    /// Is answered with 400 if it is admitted.
    async fn ask(router: &Router, tenant: &str, address: Option<&str>) -> TestResponse {
        let caller = format!("tenant={tenant}; name=n; roles=view");
        let mut request = request("GET", "/order/x", &[("host", "localhost"), ("x-caller", &caller)], "");
        if let Some(address) = address {
            request.extensions_mut().insert(Peer(address.parse::<IpAddr>().unwrap()));
        }
        call(router, request).await
    }

    #[tokio::test]
    async fn a_tenant_has_a_rate_from_whatever_addresses_it_comes() {
        let (_, router) = service((c::MAX_REQUESTS_PER_SECOND_OF_TENANT, "1")).await;
        let mut statuses = Vec::new();
        for n in 0..4 {
            statuses.push(ask(&router, "a", Some(&format!("192.0.2.{n}"))).await);
        }
        let [first, second, third, fourth] = &*statuses else { unreachable!() };
        assert_eq!([first.status, second.status].map(|s| s.as_u16()), [400, 400]);
        let policies: Vec<_> = first.headers.get_all("ratelimit-policy").iter().collect();
        assert_eq!(policies, ["\"tenant-requests\";q=2;w=2", "\"requests\";q=2000;w=2"]);
        assert_eq!([third.slug(), fourth.slug()], ["too-many-requests", "too-many-requests"]);
        assert_eq!(third.header("retry-after"), Some("1"));
        assert_eq!(third.header("ratelimit"), Some("\"tenant-requests\";r=0;t=1"));
        assert!(third.json()["detail"].as_str().unwrap().contains("requests of this tenant"));
        assert_eq!(ask(&router, "b", Some("192.0.2.1")).await.status, 400, "another one of the same address");
        for unlimited in [("default", Some("192.0.2.1")), ("a", None)] {
            for _ in 0..9 {
                assert_eq!(ask(&router, unlimited.0, unlimited.1).await.status, 400, "{unlimited:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_tenant_has_so_many_requests_in_service_and_others_have_theirs() {
        let (service, router) = service((c::MAX_REQUESTS_PER_TENANT, "1")).await;
        let share = service.limits.in_service_of_tenant.take("a".parse().unwrap()).unwrap();
        assert_eq!(ask(&router, "a", Some("192.0.2.1")).await.slug(), "too-many-requests");
        assert_eq!(ask(&router, "b", Some("192.0.2.1")).await.slug(), "invalid-order-id");
        drop(share);
        for _ in 0..2 {
            assert_eq!(ask(&router, "a", Some("192.0.2.1")).await.slug(), "invalid-order-id", "it was given back");
        }
    }
}
