//! `GET /admin/orders`: the orders that are open, or that failed, by their labels.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Extension, Json, extract::State, http::Uri};
use chrono::{DateTime, Utc};
use offload_domain::{
    caller::{Caller, Role},
    id::OrderId,
    labels::Labels,
    order::OrderRecord,
    order_list::{Cursor, OrderFilter},
    problem::Problem,
    status::{ProgressReport, Status},
    time::rfc3339_millis,
};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{Array, ObjectBuilder, Type},
};

use crate::{caller::identity::Identity, response::error::ApiError, route::problems::problems, service::Service};

/// The orders of a page, unless the query says how many.
const LIMIT: usize = 50;
/// The most orders of a page.
const LIMIT_MAX: usize = 100;

/// A page of a list of orders.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderList {
    orders: Vec<ListedOrder>,
    /// How many entries of the index were searched for them: 200 at most, so a page may have few
    /// orders, or none, and not be the last one.
    searched: usize,
    /// The query `after` of the next page; `null` on the last one.
    next: Option<String>,
}

/// An order of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedOrder {
    #[schema(value_type = String, format = "uuid")]
    id: OrderId,
    /// Whose it is.
    tenant: String,
    status: Status,
    revision: u64,
    generation: u32,
    /// How often a worker has started the work, in this generation.
    attempt: u32,
    /// When it was accepted.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    created_at: DateTime<Utc>,
    /// When its status was reached.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    updated_at: DateTime<Utc>,
    /// How far the work is, if the processor reports it.
    progress: Option<ProgressReport>,
    /// Why the order, or its last attempt, failed.
    error: Option<Problem>,
    #[schema(value_type = BTreeMap<String, String>)]
    labels: Labels,
}

impl From<OrderRecord> for ListedOrder {
    fn from(OrderRecord { order, state, .. }: OrderRecord) -> Self {
        Self {
            id: order.id,
            tenant: order.tenant.into(),
            status: state.status,
            revision: state.revision,
            generation: state.generation,
            attempt: state.attempt,
            created_at: order.created_at,
            updated_at: state.updated_at,
            progress: state.progress,
            error: state.error,
            labels: order.labels,
        }
    }
}

/// The query, as the OpenAPI document has it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the query is read by `wanted`, as label may be there several times")]
struct ListQuery {
    /// Which orders; open if it is left out.
    #[param(inline)]
    state: Option<ListedState>,
    /// NAME:VALUE, or NAME for any value; several must all be met.
    #[param(explode, schema_with = labels)]
    label: Option<Vec<String>>,
    /// Only of this tenant; for the role admin.
    #[param(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    tenant: Option<String>,
    /// The most orders of a page; 50 if it is left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The member next of the page before, with the same state.
    after: Option<String>,
}

/// The words of [`Listed`](offload_domain::order_list::Listed).
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a description")]
enum ListedState {
    Open,
    Pending,
    Processing,
    Failed,
}

/// The same patterns as in the schema of an order's options.
fn labels() -> Array {
    let value = "[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]{0,63}";
    let pattern = format!("^[a-z0-9]([a-z0-9._-]{{0,61}}[a-z0-9])?([:=]{value})?$");
    Array::new(ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)))
}

/// What the query asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    filter: OrderFilter,
    from: Cursor,
    limit: usize,
}

problems!(
    Problems: InvalidQuery, CredentialsMissing, CredentialsInvalid, RoleMissing, CallersUnavailable, NotFound,
    StorageUnavailable, Overloaded, TooManyRequests,
);

/// List orders
///
/// Of the caller's tenant, or of all where it has the role `admin`: those that are open, or those
/// that failed. An order that ended well is in no list. Open ones are listed by when a sweeper sees
/// to them, failed ones from the newest to the oldest. Only where callers are known.
#[utoipa::path(
    get,
    path = "/admin/orders",
    tag = "operations",
    operation_id = "listOrders",
    security(("caller" = [])),
    params(ListQuery),
    responses((status = 200, description = "A page of orders", body = OrderList), Problems)
)]
pub(crate) async fn list_orders(
    State(service): State<Arc<Service>>,
    Extension(identity): Extension<Identity>,
    uri: Uri,
) -> Result<Json<OrderList>, ApiError> {
    // Without callers nobody has a role.
    if !service.callers.are_known() {
        return Err(ApiError::NotFound);
    }
    let caller = identity.with_role(Role::View)?;
    let Wanted { filter, from, limit } = wanted(uri.query().unwrap_or_default(), caller)?;
    let page = service.stores.orders.list(&filter, from, limit).await?;
    Ok(Json(OrderList {
        orders: page.records.into_iter().map(ListedOrder::from).collect(),
        searched: page.searched,
        next: page.next.map(|cursor| cursor.text()),
    }))
}

/// Reads the query, and keeps it within the caller's tenant.
fn wanted(query: &str, caller: &Caller) -> Result<Wanted, ApiError> {
    let (mut labels, mut once) = (Vec::new(), BTreeMap::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name == "label" {
            labels.push(value.parse().map_err(|_| ApiError::InvalidQuery)?);
        } else if once.insert(name, value).is_some() {
            return Err(ApiError::InvalidQuery);
        }
    }
    let is_admin = caller.roles.allow(Role::Admin);
    let tenant = once.get("tenant").map(|name| name.parse()).transpose().map_err(|_| ApiError::InvalidQuery)?;
    // Whether there is another tenant is not for everybody to know: of it nothing is listed.
    if !is_admin && tenant.as_ref().is_some_and(|tenant| *tenant != caller.tenant) {
        return Err(ApiError::RoleMissing(Role::Admin));
    }
    let tenant = if is_admin { tenant } else { Some(caller.tenant.clone()) };
    let listed = once.get("state").map(|word| word.parse()).transpose().map_err(|_| ApiError::InvalidQuery)?;
    let filter = OrderFilter { listed: listed.unwrap_or_default(), tenant, labels };
    let from = match once.get("after") {
        Some(text) => Cursor::parse(text, &filter).map_err(|_| ApiError::InvalidQuery)?,
        None => Cursor::start(&filter),
    };
    let limit = once.get("limit").map_or(Ok(LIMIT), |n| n.parse()).map_err(|_| ApiError::InvalidQuery)?;
    if (1..=LIMIT_MAX).contains(&limit) { Ok(Wanted { filter, from, limit }) } else { Err(ApiError::InvalidQuery) }
}

#[cfg(test)]
mod tests {
    use offload_domain::{caller::Roles, order_list::Listed};

    use super::*;

    fn caller(roles: &str) -> Caller {
        Caller { tenant: "shop".parse().unwrap(), name: "jane".into(), roles: Roles::parse(roles).unwrap() }
    }

    #[test]
    fn a_list_is_of_the_callers_tenant_unless_it_is_an_administrator() {
        let tenant = |roles: &str, query: &str| wanted(query, &caller(roles)).map(|w| w.filter.tenant);
        let shop = Some("shop".parse().unwrap());
        assert_eq!(tenant("view", "").unwrap(), shop);
        assert_eq!(tenant("operate", "tenant=shop").unwrap(), shop);
        assert!(matches!(tenant("operate", "tenant=other"), Err(ApiError::RoleMissing(Role::Admin))));
        assert_eq!(tenant("admin", "").unwrap(), None);
        assert_eq!(tenant("admin", "tenant=other").unwrap(), Some("other".parse().unwrap()));
    }

    #[test]
    fn a_query_is_read_whole_or_refused() {
        let caller = caller("view");
        let query = "state=failed&label=customer%3Aacme&label=url:a:b&limit=100&colour=red";
        let wanted = |query: &str| super::wanted(query, &caller);
        let read = wanted(query).unwrap();
        assert_eq!((read.filter.listed, read.filter.labels.len(), read.limit), (Listed::Failed, 2, 100));
        let next = format!("{query}&after={}", read.from.text());
        assert_eq!(wanted(&next).unwrap(), read);
        for bad in [
            "state=done",
            "label=",
            "label=Customer:acme",
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=x",
            "tenant=a%20b",
            "after=x",
            "state=open&state=open",
            &next.replace("state=failed", "state=open"),
        ] {
            assert!(matches!(wanted(bad), Err(ApiError::InvalidQuery)), "{bad}");
        }
    }
}
