//! Who sends a request: on whose behalf, and what they may do. Pure.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::tenant::Tenant;

/// The longest name of a caller, in bytes.
pub const NAME_MAX_BYTES: usize = 128;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Submit orders of its tenant, and cancel them.
    Submit,
    /// Read the orders of its tenant.
    View,
    /// Run the service: everything that an operator reads and repeats. Implies [`Role::View`].
    Operate,
    /// Everything, erasing included.
    Admin,
}

/// The text is not a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of submit, view, operate, admin")]
pub struct InvalidRole;

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::Submit, Self::View, Self::Operate, Self::Admin];

    /// The word in claims, in keys and in problems.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::View => "view",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    /// Whether who has this role may do what `needed` stands for.
    #[must_use]
    pub fn includes(self, needed: Self) -> bool {
        self == needed || self == Self::Admin || (self == Self::Operate && needed == Self::View)
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(word: &str) -> Result<Self, InvalidRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == word).ok_or(InvalidRole)
    }
}

/// The roles of a caller, sorted, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Role>")]
pub struct Roles(Vec<Role>);

impl Roles {
    /// Roles from words separated by commas or spaces.
    ///
    /// # Errors
    /// If one of them is no role.
    pub fn parse(words: &str) -> Result<Self, InvalidRole> {
        separated(words).map(str::parse).collect::<Result<Vec<_>, _>>().map(Self::from)
    }

    /// The roles among the words of a claim, where others mean something to other services. A role
    /// may be written `offload:submit`, so that it can stand in a list of all services.
    pub fn among<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let words = words.into_iter().flat_map(separated);
        let roles = words.filter_map(|word| word.strip_prefix("offload:").unwrap_or(word).parse().ok());
        Self::from(roles.collect::<Vec<_>>())
    }

    /// Whether one of them includes this one.
    #[must_use]
    pub fn allow(&self, needed: Role) -> bool {
        self.0.iter().any(|role| role.includes(needed))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<Role>> for Roles {
    fn from(mut roles: Vec<Role>) -> Self {
        roles.sort_unstable();
        roles.dedup();
        Self(roles)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|role| role.as_str()).collect();
        f.write_str(&words.join(","))
    }
}

/// The brackets are those of API Gateway, which writes a list as `[a b]`.
fn separated(words: &str) -> impl Iterator<Item = &str> {
    words.split(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']')).filter(|word| !word.is_empty())
}

/// Who sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// On whose behalf.
    pub tenant: Tenant,
    /// Who, for logs.
    pub name: String,
    /// What they may do.
    pub roles: Roles,
}

impl Caller {
    /// A caller, with its name made fit for a line of a log.
    #[must_use]
    pub fn new(tenant: Tenant, name: &str, roles: Roles) -> Self {
        let visible = name.chars().map(|c| if c.is_control() { '?' } else { c });
        let mut length = 0;
        let fits = |c: &char| {
            length += c.len_utf8();
            length <= NAME_MAX_BYTES
        };
        Self { tenant, name: visible.take_while(fits).collect(), roles }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_includes_what_the_table_says() {
        let allowed = |role: Role| Role::ALL.map(|needed| Roles::from(vec![role]).allow(needed));
        assert_eq!(allowed(Role::Submit), [true, false, false, false]);
        assert_eq!(allowed(Role::View), [false, true, false, false]);
        assert_eq!(allowed(Role::Operate), [false, true, true, false]);
        assert_eq!(allowed(Role::Admin), [true; 4]);
        assert!(Role::ALL.iter().all(|needed| !Roles::default().allow(*needed)));
    }

    #[test]
    fn roles_are_read_from_lists_and_from_claims_of_others() {
        assert_eq!(Roles::parse("view, submit view").unwrap().to_string(), "submit,view");
        assert_eq!(Roles::parse("submit,root"), Err(InvalidRole));
        let claim = Roles::among(["openid offload:submit", "[view email]", "administrator"]);
        assert_eq!(claim.to_string(), "submit,view");
    }

    #[test]
    fn a_name_cannot_break_a_line_of_the_log() {
        let caller = Caller::new(Tenant::default(), &format!("a\nb\u{1b}[31m{}", "é".repeat(100)), Roles::default());
        assert!(caller.name.starts_with("a?b?[31m") && caller.name.len() <= NAME_MAX_BYTES, "{}", caller.name);
    }
}
