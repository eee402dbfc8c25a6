//! What users were allowed and denied, so that a test can compare a policy with what a program
//! does.

use std::collections::BTreeSet;
use std::fmt;

/// An action on a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// As IAM names it: `s3:GetObject`.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
}

impl Permission {
    pub(crate) fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned() }
    }

    /// The same for all objects with the same first part of the key: their number is unbounded.
    fn of_all_alike(&self) -> Self {
        let object = self.resource.strip_prefix("arn:aws:s3:::").and_then(|path| path.split_once('/'));
        let resource = match object.and_then(|(bucket, key)| Some((bucket, key.split_once('/')?.0))) {
            Some((bucket, first)) => format!("arn:aws:s3:::{bucket}/{first}/*"),
            None => self.resource.clone(),
        };
        Self { action: self.action.clone(), resource }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.resource)
    }
}

/// What the requests of one user needed. Objects are named by their keys up to the first slash:
/// `status/*`. Of presigned URLs only those count that were denied: the others are used by anyone
/// who holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// What the user's policy, and the bucket's if it has one, allowed.
    pub used: BTreeSet<Permission>,
    /// What they did not allow.
    pub denied: BTreeSet<Permission>,
}

impl Permissions {
    pub(crate) fn record(&mut self, permission: &Permission, allowed: bool) {
        let set = if allowed { &mut self.used } else { &mut self.denied };
        set.insert(permission.of_all_alike());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_recorded_by_the_beginning_of_their_keys() {
        for (resource, recorded) in [
            ("arn:aws:s3:::bucket/status/c4/x.json", "arn:aws:s3:::bucket/status/*"),
            ("arn:aws:s3:::bucket/key", "arn:aws:s3:::bucket/key"),
            ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket"),
            ("arn:aws:dynamodb:r:0:table/t/index/i", "arn:aws:dynamodb:r:0:table/t/index/i"),
        ] {
            assert_eq!(Permission::new("a", resource).of_all_alike().resource, recorded);
        }
    }
}
