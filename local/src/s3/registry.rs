//! The buckets, in memory because every request needs a bucket's policy and CORS rules; changes are
//! written to the store as well.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use awsim_iam_policy::PolicyDocument;
use s3s::dto::{CORSRule, LifecycleRule};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::store::buckets::BucketRow;

/// A bucket's lifecycle rules, and which objects transitions pass over by default.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Lifecycle {
    pub(super) rules: Vec<LifecycleRule>,
    /// `varies_by_storage_class` instead of the default `all_storage_classes_128K`.
    pub(super) minimum_varies: bool,
}

/// One bucket.
#[derive(Clone)]
pub(super) struct Bucket {
    pub(super) created: Millis,
    pub(super) cors: Option<Vec<CORSRule>>,
    pub(super) lifecycle: Option<Lifecycle>,
    /// As it was sent, and parsed.
    pub(super) policy: Option<(String, PolicyDocument)>,
}

/// All buckets by name.
#[derive(Default)]
pub(super) struct Registry {
    buckets: RwLock<BTreeMap<String, Arc<Bucket>>>,
}

impl Registry {
    /// Loads the rows of the store. A configuration that this version cannot read is an error that
    /// names its bucket.
    pub(super) fn load(rows: Vec<BucketRow>) -> Result<Self, String> {
        let mut buckets = BTreeMap::new();
        for row in rows {
            let unreadable = |error: &dyn std::fmt::Display| format!("bucket {}: {error}", row.name);
            let policy = row
                .policy
                .map(|text| awsim_iam_policy::parse(&text).map(|parsed| (text, parsed)))
                .transpose()
                .map_err(|error| unreadable(&error))?;
            let cors =
                row.cors.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| unreadable(&error))?;
            let lifecycle = row
                .lifecycle
                .map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(|error| unreadable(&error))?;
            buckets.insert(row.name, Arc::new(Bucket { created: row.created, cors, lifecycle, policy }));
        }
        Ok(Self { buckets: RwLock::new(buckets) })
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Bucket>> {
        self.buckets.read().get(name).cloned()
    }

    pub(super) fn get(&self, name: &str) -> S3Result<Arc<Bucket>> {
        self.find(name).ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }

    pub(super) fn all(&self) -> Vec<(String, Arc<Bucket>)> {
        let buckets = self.buckets.read();
        buckets.iter().map(|(name, bucket)| (name.clone(), Arc::clone(bucket))).collect()
    }

    pub(super) fn insert(&self, name: &str, created: Millis) {
        let bucket = Bucket { created, cors: None, lifecycle: None, policy: None };
        self.buckets.write().insert(name.to_owned(), Arc::new(bucket));
    }

    pub(super) fn remove(&self, name: &str) {
        self.buckets.write().remove(name);
    }

    /// Changes a bucket's configuration.
    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Bucket)) {
        let mut buckets = self.buckets.write();
        if let Some(bucket) = buckets.get_mut(name) {
            change(Arc::make_mut(bucket));
        }
    }
}
