//! Policies of IAM, of buckets and of queues, as far as the checks read them. Pure.

use serde_json::Value;

/// A policy.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Policy(pub(super) Vec<Statement>);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) allows: bool,
    pub(super) actions: Vec<String>,
    /// Whether it is about every action but these.
    pub(super) not_actions: bool,
    pub(super) resources: Vec<String>,
    /// Whether anybody at all is meant.
    pub(super) anybody: bool,
    pub(super) conditions: Value,
}

impl Policy {
    /// Reads a document; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::from_value(&serde_json::from_str(text).ok()?)
    }

    pub(super) fn from_value(document: &Value) -> Option<Self> {
        let statements = match document.get("Statement")? {
            Value::Array(statements) => statements.iter().map(statement).collect::<Option<_>>()?,
            one => vec![statement(one)?],
        };
        Some(Self(statements))
    }

    /// Whether an action on a resource is allowed, whatever the conditions, and not denied without
    /// one.
    pub(super) fn allows(&self, action: &str, resource: &str) -> bool {
        let about = |s: &&Statement| s.covers(action) && s.resources.iter().any(|r| matches(r, resource));
        let denied = |s: &Statement| !s.allows && s.conditions.is_null();
        let mut statements = self.0.iter().filter(about);
        self.0.iter().any(|s| about(&s) && s.allows) && !statements.any(denied)
    }

    /// Whether it refuses everybody who does not use TLS.
    pub(super) fn refuses_plain_http(&self) -> bool {
        self.0.iter().any(|s| {
            let plain = &s.conditions["Bool"]["aws:SecureTransport"];
            let plain = match plain {
                Value::Array(values) if values.len() == 1 => &values[0],
                value => value,
            };
            let only = s.conditions.as_object().is_some_and(|c| c.len() == 1);
            let all = s.actions.iter().any(|a| a == "*" || a.ends_with(":*")) && !s.not_actions;
            !s.allows && s.anybody && only && all && (plain == "false" || plain == &Value::Bool(false))
        })
    }

    /// Statements by which anybody at all may do something.
    pub(super) fn public(&self) -> impl Iterator<Item = &Statement> {
        self.0.iter().filter(|s| s.allows && s.anybody && s.conditions.is_null())
    }
}

impl Statement {
    pub(super) fn covers(&self, action: &str) -> bool {
        self.actions.iter().any(|a| matches(&a.to_lowercase(), &action.to_lowercase())) != self.not_actions
    }
}

fn statement(value: &Value) -> Option<Statement> {
    let texts = |value: &Value| match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(values) => values.iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>(),
        Value::Null => Some(Vec::new()),
        _ => None,
    };
    let anybody = |principal: &Value| match principal {
        Value::String(who) => who == "*",
        Value::Object(who) => who.get("AWS").and_then(texts).is_some_and(|who| who.iter().any(|w| w == "*")),
        _ => false,
    };
    let not_actions = value.get("NotAction").is_some();
    let resources = match value.get("NotResource") {
        // Everything but little: taken for everything.
        Some(_) => vec!["*".to_owned()],
        None => texts(&value["Resource"])?,
    };
    Some(Statement {
        allows: value["Effect"] == "Allow",
        actions: texts(&value[if not_actions { "NotAction" } else { "Action" }])?,
        not_actions,
        resources,
        anybody: anybody(&value["Principal"]),
        conditions: value["Condition"].clone(),
    })
}

/// Whether a pattern of IAM, with `*` and `?`, matches a text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Where the last star was, and what it had taken: going back there alone keeps it linear in
    // stars.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_iam_has_them() {
        for (pattern, text, matched) in [
            ("s3:Get*", "s3:GetObject", true),
            ("s3:*", "sqs:SendMessage", false),
            ("arn:aws:s3:::b/status/*", "arn:aws:s3:::b/status/", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xxaxxbxxb", true),
            ("", "", true),
            ("a", "", false),
        ] {
            assert_eq!(matches(pattern, text), matched, "{pattern} {text}");
        }
    }

    #[test]
    fn a_statement_that_denies_wins_over_one_that_allows() {
        let policy = |deny: &str| {
            let text = format!(
                r#"{{"Statement":[{{"Effect":"Allow","Action":"s3:*","Resource":"*"}},{{"Effect":"Deny",{deny}"Action":["s3:GetObject"],"Resource":"*"}}]}}"#
            );
            Policy::parse(&text).unwrap()
        };
        assert!(!policy("").allows("s3:GetObject", "arn:aws:s3:::b/k"));
        assert!(policy("").allows("s3:ListBucket", "arn:aws:s3:::b"));
        assert!(policy(r#""Condition":{"Bool":{"a":"b"}},"#).allows("s3:GetObject", "arn:aws:s3:::b/k"));
    }

    #[test]
    fn only_a_refusal_of_everybody_without_tls_counts() {
        let of =
            |statement: &str| Policy::parse(&format!(r#"{{"Statement":{statement}}}"#)).unwrap().refuses_plain_http();
        let tls = r#""Condition":{"Bool":{"aws:SecureTransport":"false"}}"#;
        assert!(of(&format!(r#"{{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*",{tls}}}"#)));
        assert!(!of(&format!(
            r#"{{"Effect":"Deny","Principal":"*","Action":"sqs:SendMessage","Resource":"*",{tls}}}"#
        )));
        assert!(!of(&format!(r#"{{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*",{tls}}}"#)));
        assert!(!of(r#"{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}"#));
    }
}
