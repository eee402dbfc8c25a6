//! From claims that were checked, by us or by API Gateway, to a caller. Pure.

use offload_domain::caller::{Caller, Roles};
use offload_domain::tenant::Tenant;
use serde_json::{Map, Value};

use super::refused::Refused;

/// Which claims name what.
#[derive(Debug, Clone)]
pub(crate) struct ClaimNames {
    /// The caller's tenant; without it all callers are of one.
    pub(crate) tenant: Option<String>,
    /// The caller's roles.
    pub(crate) roles: String,
}

impl ClaimNames {
    /// The caller of these claims.
    ///
    /// # Errors
    /// If they must name a tenant, and do not.
    pub(super) fn caller(&self, claims: &Map<String, Value>) -> Result<Caller, Refused> {
        let tenant = match &self.tenant {
            None => Tenant::default(),
            Some(name) => {
                let tenant = find(claims, name).and_then(Value::as_str).and_then(|tenant| tenant.parse().ok());
                tenant.ok_or(Refused::Invalid("its claims name no valid tenant"))?
            }
        };
        let roles = find(claims, &self.roles).map(roles).unwrap_or_default();
        let name = ["sub", "client_id"].iter().find_map(|name| claims.get(*name)?.as_str()).unwrap_or("unnamed");
        Ok(Caller::new(tenant, name, roles))
    }
}

/// A claim by its name, or by a path to it, such as `realm_access.roles`. A name may have dots
/// itself: claims of one's own are often named by URLs.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}

fn roles(claim: &Value) -> Roles {
    match claim {
        Value::Array(words) => Roles::among(words.iter().filter_map(Value::as_str)),
        Value::String(words) => Roles::among([words.as_str()]),
        _ => Roles::default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn caller(tenant: Option<&str>, roles: &str, claims: &Value) -> Result<Caller, Refused> {
        let names = ClaimNames { tenant: tenant.map(str::to_owned), roles: roles.to_owned() };
        names.caller(claims.as_object().unwrap())
    }

    #[test]
    fn claims_name_tenant_and_roles_by_the_names_of_the_settings() {
        let keycloak = json!({"sub": "jane", "org": {"id": "shop"}, "realm_access": {"roles": ["submit", "other"]}});
        let found = caller(Some("org.id"), "realm_access.roles", &keycloak).unwrap();
        assert_eq!(
            (found.tenant.as_str(), found.name.as_str(), found.roles.to_string().as_str()),
            ("shop", "jane", "submit")
        );
        let own = json!({"https://x.example/tenant": "shop", "scope": "openid offload:view"});
        let found = caller(Some("https://x.example/tenant"), "scope", &own).unwrap();
        assert_eq!((found.tenant.as_str(), found.roles.to_string().as_str()), ("shop", "view"));
    }

    #[test]
    fn a_caller_without_the_tenant_that_is_asked_for_is_refused() {
        for claims in [json!({}), json!({"tenant": 7}), json!({"tenant": "a b"}), json!({"tenant": ""})] {
            assert!(caller(Some("tenant"), "roles", &claims).is_err(), "{claims}");
            assert!(caller(None, "roles", &claims).unwrap().tenant.is_default());
        }
        assert!(caller(None, "roles", &json!({"roles": 7})).unwrap().roles.is_empty(), "no roles");
    }
}
