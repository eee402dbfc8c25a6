//! The environment of the program: what it needs to run, and what the operator names. The worker's
//! own has secrets in it. Pure.

use std::ffi::{OsStr, OsString};

use offload_service::settings::{self, Kept};

/// What a program needs to find others, its language, its time and a place for its files.
const BASIC: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TZDIR",
    "TMPDIR",
    // Where certificates are, on systems that have none in the usual place.
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// What gives AWS's credentials away, or the way to get some.
const AWS_CREDENTIALS: [&str; 10] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_*",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
];

/// The variables that a program gets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Allowed {
    /// Names, and patterns with `*`.
    named: Vec<String>,
}

/// A list of variables that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidNames {
    /// A name of other characters.
    #[error("\"{0}\" is not the name of a variable; write names separated by commas, such as SHOP_URL,SMTP_*")]
    NotAName(String),
    /// One of the service's own secrets.
    #[error("{0} is a secret of this service, which no program gets")]
    Secret(String),
}

impl Allowed {
    /// The basic variables and those of a list of names, separated by commas. A `*` stands for any
    /// characters.
    ///
    /// # Errors
    /// If one is not the name of a variable, or one of the service's secrets.
    pub(super) fn parse(list: &str) -> Result<Self, InvalidNames> {
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        let named = names.map(|name| {
            if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'*') {
                return Err(InvalidNames::NotAName(name.to_owned()));
            }
            if is_own_secret(name) { Err(InvalidNames::Secret(name.to_owned())) } else { Ok(name.to_owned()) }
        });
        Ok(Self { named: named.collect::<Result<_, _>>()? })
    }

    /// Those of the worker's variables that a program gets.
    pub(super) fn of(&self, variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<(OsString, OsString)> {
        variables.filter(|(name, _)| self.allows(name)).collect()
    }

    fn allows(&self, variable: &OsStr) -> bool {
        // A name that is not UTF-8 is in no list.
        let Some(variable) = variable.to_str() else { return false };
        if is_own_secret(variable) {
            return false;
        }
        // Credentials must be named themselves: nobody should give them away by a `*`.
        let credentials = AWS_CREDENTIALS.iter().any(|pattern| matches(pattern, variable));
        let named = self.named.iter().any(|p| if credentials { p == variable } else { matches(p, variable) });
        named || (!credentials && BASIC.iter().any(|pattern| matches(pattern, variable)))
    }
}

/// Whether a variable contains a secret of this service, or says where it is.
fn is_own_secret(variable: &str) -> bool {
    let mut secrets = settings::ALL.iter().filter(|setting| setting.secret);
    secrets.any(|s| variable == s.variable() || Kept::ALL.into_iter().any(|kept| variable == s.variable_of(kept)))
}

/// Whether a pattern matches a whole name: its parts between the `*` come in their order.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = name.find(part) else { return false };
        name = &name[at + part.len()..];
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(list: &str, variables: &[&str]) -> Vec<String> {
        let variables = variables.iter().map(|name| (OsString::from(name), OsString::from("value")));
        let passed = Allowed::parse(list).unwrap().of(variables);
        passed.into_iter().map(|(name, _)| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_program_gets_what_it_needs_to_run_and_no_more() {
        let all = ["PATH", "HOME", "LC_ALL", "TZ", "SHOP_URL", "OFFLOAD_BUCKET", "DATABASE_URL", "LD_PRELOAD"];
        assert_eq!(passed("", &all), ["PATH", "HOME", "LC_ALL", "TZ"]);
        assert_eq!(passed("SHOP_*, DATABASE_URL", &all), ["PATH", "HOME", "LC_ALL", "TZ", "SHOP_URL", "DATABASE_URL"]);
    }

    #[test]
    fn no_pattern_gives_secrets_or_credentials_away() {
        let secrets: Vec<String> = settings::ALL
            .iter()
            .filter(|setting| setting.secret)
            .flat_map(|s| [s.variable(), s.variable_of(Kept::File), s.variable_of(Kept::Arn)])
            .collect();
        assert!(secrets.len() >= 10, "{secrets:?}");
        let names: Vec<&str> = secrets.iter().map(String::as_str).collect();
        for list in ["*", "OFFLOAD_*", "*SECRET*", "OFFLOAD_*_FILE", "OFFLOAD_*_ARN"] {
            assert_eq!(passed(list, &names), Vec::<String>::new(), "{list}");
        }
        for name in names {
            assert_eq!(Allowed::parse(name), Err(InvalidNames::Secret(name.to_owned())));
        }
        let aws = ["AWS_SECRET_ACCESS_KEY", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_REGION"];
        assert_eq!(passed("AWS_*", &aws), ["AWS_REGION"]);
        assert_eq!(passed("AWS_SECRET_ACCESS_KEY", &aws), ["AWS_SECRET_ACCESS_KEY"], "but by its own name");
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, expected) in [
            ("A*", "A", true),
            ("A*", "AB", true),
            ("A*", "BA", false),
            ("*_URL", "SHOP_URL", true),
            ("*_URL", "SHOP_URLS", false),
            ("A*B*C", "AxBxC", true),
            ("A*B*C", "AxCxB", false),
            ("AB*BC", "ABC", false),
            ("*", "", true),
            ("A", "AB", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        assert!(Allowed::parse("A B").is_err());
    }
}
