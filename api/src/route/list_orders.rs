//! `GET /admin/orders`: the orders that are open, or that failed, by a filter; any single one by
//! its id or its key.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Extension, Json, extract::State, http::Uri};
use chrono::{DateTime, Utc};
use offload_domain::{
    caller::{Caller, Role},
    order_list::{Cursor, OrderFilter},
    order_query::{OrderQuery, Single},
    tenant::Tenant,
};
use offload_service::clock;
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{Array, ObjectBuilder, Type},
};

use crate::{
    caller::identity::Identity,
    response::{error::ApiError, listed_order::ListedOrder},
    route::problems::problems,
    service::Service,
};

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

/// The query, as the OpenAPI document has it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the query is read by `wanted`, as label may be there several times")]
struct ListQuery {
    /// A filter, such as state:dead kind:report age>1h, in place of state, label and tenant.
    q: Option<String>,
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
    Dead,
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
    /// One order, and all that the filter says of it.
    single: Option<(Single, OrderQuery)>,
    from: Cursor,
    limit: usize,
}

problems!(
    Problems: InvalidQuery, InvalidFilter, CrossSite, CredentialsMissing, CredentialsInvalid, RoleMissing, CallersUnavailable, NotFound,
    StorageUnavailable, Overloaded, TooManyRequests,
);

/// List orders
///
/// Of the caller's tenant, or of all where it has the role `admin`: those that are open, or those
/// that failed. An order that ended well is in no list; `q` finds it by `id:` or `key:`. Open ones
/// are listed by when a sweeper sees to them, failed ones from the newest to the oldest. Only where
/// callers are known or the console is on.
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
    let caller = identity.operator(&service, Role::View)?;
    let Wanted { filter, single, from, limit } = wanted(uri.query().unwrap_or_default(), caller, clock::now())?;
    let orders = &service.stores.orders;
    if let Some((single, query)) = single {
        let found = orders.find_single(&single).await?.filter(|record| query.admits_single(record));
        let found = found.iter().map(|record| ListedOrder::of(&service, record)).collect();
        return Ok(Json(OrderList { orders: found, searched: 1, next: None }));
    }
    let page = orders.list(&filter, from, limit).await?;
    Ok(Json(OrderList {
        orders: page.records.iter().map(|record| ListedOrder::of(&service, record)).collect(),
        searched: page.searched,
        next: page.next.map(|cursor| cursor.text()),
    }))
}

/// Reads the query, and keeps it within the caller's tenant.
fn wanted(query: &str, caller: &Caller, now: DateTime<Utc>) -> Result<Wanted, ApiError> {
    let (mut labels, mut once) = (Vec::new(), BTreeMap::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name == "label" {
            labels.push(value.parse().map_err(|_| ApiError::InvalidQuery)?);
        } else if once.insert(name, value).is_some() {
            return Err(ApiError::InvalidQuery);
        }
    }
    let mut query = match once.get("q") {
        Some(_) if !labels.is_empty() || once.contains_key("state") || once.contains_key("tenant") => {
            return Err(ApiError::InvalidQuery);
        }
        Some(text) => OrderQuery::parse(text, &caller.tenant, now)?,
        None => {
            let tenant = once.get("tenant").map(|name| name.parse()).transpose().map_err(|_| ApiError::InvalidQuery)?;
            let listed = once.get("state").map(|word| word.parse()).transpose().map_err(|_| ApiError::InvalidQuery)?;
            let filter = OrderFilter { listed: listed.unwrap_or_default(), tenant, labels, ..OrderFilter::default() };
            filter.into()
        }
    };
    query.filter.tenant = of_caller(caller, query.filter.tenant.take())?;
    let (filter, single) = (query.filter.clone(), query.single.clone().map(|single| (single, query)));
    let from = match once.get("after") {
        Some(text) => Cursor::parse(text, &filter).map_err(|_| ApiError::InvalidQuery)?,
        None => Cursor::start(&filter),
    };
    let limit = once.get("limit").map_or(Ok(LIMIT), |n| n.parse()).map_err(|_| ApiError::InvalidQuery)?;
    if (1..=LIMIT_MAX).contains(&limit) {
        Ok(Wanted { filter, single, from, limit })
    } else {
        Err(ApiError::InvalidQuery)
    }
}

/// The tenant whose orders a caller may see, of those that it asks for; `None` for all.
///
/// # Errors
/// If it asks for another one's, and may not: whether there is another tenant is not for everybody
/// to know, so of it nothing is listed.
pub(super) fn of_caller(caller: &Caller, asked: Option<Tenant>) -> Result<Option<Tenant>, ApiError> {
    if caller.roles.allow(Role::Admin) {
        return Ok(asked);
    }
    match asked {
        Some(tenant) if tenant != caller.tenant => Err(ApiError::RoleMissing(Role::Admin)),
        _ => Ok(Some(caller.tenant.clone())),
    }
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
        let tenant = |roles: &str, query: &str| wanted(query, &caller(roles), clock::now()).map(|w| w.filter.tenant);
        let shop = Some("shop".parse().unwrap());
        assert_eq!(tenant("view", "").unwrap(), shop);
        assert_eq!(tenant("operate", "tenant=shop").unwrap(), shop);
        assert!(matches!(tenant("operate", "tenant=other"), Err(ApiError::RoleMissing(Role::Admin))));
        assert_eq!(tenant("admin", "").unwrap(), None);
        assert_eq!(tenant("admin", "tenant=other").unwrap(), Some("other".parse().unwrap()));
    }

    #[test]
    fn a_filter_stands_for_the_other_members() {
        let of = |query: &str| wanted(query, &caller("view"), clock::now());
        let read = of("q=state:dead+label:customer%3Dacme&limit=3").unwrap();
        assert_eq!((read.filter.listed, read.filter.labels.len(), read.limit), (Listed::Dead, 1, 3));
        assert_eq!(read.filter.tenant, Some("shop".parse().unwrap()));
        assert!(matches!(of("q=state:dead&state=open"), Err(ApiError::InvalidQuery)));
        assert!(matches!(of("q=colour:red"), Err(ApiError::InvalidFilter(e)) if e.at == 1));
        assert!(matches!(of("q=tenant:other"), Err(ApiError::RoleMissing(Role::Admin))));
        let single = |query| of(query).unwrap().single.unwrap().0;
        assert_eq!(single("q=key:a"), single("q=key:a+tenant:shop"), "a key is that of the caller's tenant");
    }

    #[test]
    fn a_query_is_read_whole_or_refused() {
        let caller = caller("view");
        let query = "state=failed&label=customer%3Aacme&label=url:a:b&limit=100&colour=red";
        let wanted = |query: &str| super::wanted(query, &caller, DateTime::UNIX_EPOCH);
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
