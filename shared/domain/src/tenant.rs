//! A tenant: on whose behalf callers act. Orders, idempotency keys, limits and shares belong to it.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// The longest name of a tenant, in bytes.
pub const TENANT_MAX_BYTES: usize = 64;

const DEFAULT: &str = "default";

/// The name of a tenant. A clone costs nothing: the text is shared.
///
/// Everybody is [`Tenant::default`] while callers are not known, and so is whatever was written
/// before there were tenants.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(Arc<str>);

/// The text is not the name of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tenant is named by 1 to {TENANT_MAX_BYTES} of A-Z a-z 0-9 . _ -")]
pub struct InvalidTenant;

impl Tenant {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the tenant of everybody who names none.
    #[must_use]
    pub fn is_default(&self) -> bool {
        &*self.0 == DEFAULT
    }
}

/// What belongs to a tenant: so a queue can be fair.
pub trait OfTenant {
    /// Whose it is.
    fn tenant(&self) -> &Tenant;

    /// With what it competes: a fair queue keeps a busy group from holding up the others. The
    /// default tenant has none: alone it needs no share.
    fn group(&self) -> Option<String> {
        let tenant = self.tenant();
        (!tenant.is_default()).then(|| tenant.as_str().to_owned())
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self(DEFAULT.into())
    }
}

impl FromStr for Tenant {
    type Err = InvalidTenant;

    fn from_str(name: &str) -> Result<Self, InvalidTenant> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let fits = (1..=TENANT_MAX_BYTES).contains(&name.len());
        if fits && name.bytes().all(allowed) { Ok(Self(name.into())) } else { Err(InvalidTenant) }
    }
}

impl TryFrom<String> for Tenant {
    type Error = InvalidTenant;

    fn try_from(name: String) -> Result<Self, InvalidTenant> {
        name.parse()
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.as_str().to_owned()
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_letters_and_its_length() {
        for good in ["default", "a", "A-1_b.c", &"x".repeat(64)] {
            assert_eq!(good.parse::<Tenant>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a/b", "a#b", "é", "a\n", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Tenant>(), Err(InvalidTenant), "{bad:?}");
            assert!(serde_json::from_value::<Tenant>(bad.into()).is_err(), "{bad:?}");
        }
        assert!(Tenant::default().is_default());
        assert_eq!("default".parse(), Ok(Tenant::default()));
        assert!(!"Default".parse::<Tenant>().unwrap().is_default());
    }
}
