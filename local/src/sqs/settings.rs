//! A queue's attributes: parsing, checking and describing them. Pure.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::error::SqsError;

/// SQS's largest message, and batch: 1 MiB.
pub(crate) const MAX_MESSAGE_BYTES: u32 = 1_048_576;

/// Attributes that are stored and described, and have no effect here.
const INERT: [&str; 5] =
    ["Policy", "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"];

/// Where messages go that were received too often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redrive {
    pub(crate) dead_letter_target_arn: String,
    #[serde(deserialize_with = "number_or_text")]
    pub(crate) max_receive_count: i64,
}

/// A queue's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) visibility_seconds: u32,
    pub(crate) retention_seconds: u32,
    pub(crate) delay_seconds: u32,
    pub(crate) wait_seconds: u32,
    pub(crate) max_message_bytes: u32,
    pub(crate) redrive: Option<Redrive>,
    pub(crate) inert: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            visibility_seconds: 30,
            retention_seconds: 4 * 24 * 60 * 60,
            delay_seconds: 0,
            wait_seconds: 0,
            max_message_bytes: MAX_MESSAGE_BYTES,
            redrive: None,
            inert: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// These settings with `attributes` changed.
    pub(crate) fn with(mut self, attributes: &BTreeMap<String, String>) -> Result<Self, SqsError> {
        for (name, value) in attributes {
            match name.as_str() {
                "VisibilityTimeout" => self.visibility_seconds = number(name, value, 0..=43_200)?,
                "MessageRetentionPeriod" => self.retention_seconds = number(name, value, 60..=1_209_600)?,
                "DelaySeconds" => self.delay_seconds = number(name, value, 0..=900)?,
                "ReceiveMessageWaitTimeSeconds" => self.wait_seconds = number(name, value, 0..=20)?,
                "MaximumMessageSize" => self.max_message_bytes = number(name, value, 1024..=MAX_MESSAGE_BYTES)?,
                "RedrivePolicy" => self.redrive = redrive(value)?,
                "FifoQueue" if value == "false" => {}
                "FifoQueue" => return Err(SqsError::unsupported("FIFO queues are not supported")),
                name if INERT.contains(&name) => {
                    // As on AWS, an empty value removes the attribute.
                    if value.is_empty() {
                        self.inert.remove(name);
                    } else {
                        self.inert.insert(name.to_owned(), value.clone());
                    }
                }
                name => return Err(SqsError::invalid_attribute_name(name)),
            }
        }
        Ok(self)
    }

    /// The name of the first of the requested attributes that differs from these settings: it makes
    /// a second `CreateQueue` fail.
    pub(crate) fn differs_from(&self, requested: &BTreeMap<String, String>) -> Result<Option<String>, SqsError> {
        for (name, value) in requested {
            let one = BTreeMap::from([(name.clone(), value.clone())]);
            if self.clone().with(&one)? != *self {
                return Ok(Some(name.clone()));
            }
        }
        Ok(None)
    }

    /// The settings as attributes.
    pub(crate) fn attributes(&self) -> BTreeMap<String, String> {
        let mut attributes = self.inert.clone();
        for (name, value) in [
            ("VisibilityTimeout", self.visibility_seconds),
            ("MessageRetentionPeriod", self.retention_seconds),
            ("DelaySeconds", self.delay_seconds),
            ("ReceiveMessageWaitTimeSeconds", self.wait_seconds),
            ("MaximumMessageSize", self.max_message_bytes),
        ] {
            attributes.insert(name.to_owned(), value.to_string());
        }
        if let Some(Redrive { dead_letter_target_arn, max_receive_count }) = &self.redrive {
            let policy = serde_json::json!({ "deadLetterTargetArn": dead_letter_target_arn, "maxReceiveCount": max_receive_count });
            attributes.insert("RedrivePolicy".to_owned(), policy.to_string());
        }
        attributes.entry("SqsManagedSseEnabled".to_owned()).or_insert_with(|| "true".to_owned());
        attributes
    }
}

fn number(name: &str, value: &str, range: RangeInclusive<u32>) -> Result<u32, SqsError> {
    value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| SqsError::invalid_attribute_value(name))
}

fn redrive(value: &str) -> Result<Option<Redrive>, SqsError> {
    if value.is_empty() {
        return Ok(None);
    }
    let invalid = || {
        SqsError::invalid(format!(
            "Value {value} for parameter RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount or deadLetterTargetArn."
        ))
    };
    let redrive: Redrive = serde_json::from_str(value).map_err(|_| invalid())?;
    let sound =
        (1..=1000).contains(&redrive.max_receive_count) && redrive.dead_letter_target_arn.starts_with("arn:aws:sqs:");
    if sound { Ok(Some(redrive)) } else { Err(invalid()) }
}

/// Tools write `maxReceiveCount` as a number or as text.
fn number_or_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn attribute_names_and_values_are_checked() {
        let with = |name, value| Settings::default().with(&one(name, value));
        assert_eq!(with("VisibilityTimeout", "43200").unwrap().visibility_seconds, 43_200);
        assert!(with("VisibilityTimeout", "43201").is_err());
        assert!(with("VisibilityTimeout", "-1").is_err());
        assert!(with("MaximumMessageSize", "1048577").is_err());
        assert!(with("Colour", "red").is_err());
        assert!(with("FifoQueue", "true").is_err());
    }

    #[test]
    fn a_redrive_policy_may_have_its_number_as_text() {
        for count in ["3", "\"3\""] {
            let policy = format!(
                r#"{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d","maxReceiveCount":{count}}}"#
            );
            let settings = Settings::default().with(&one("RedrivePolicy", &policy)).unwrap();
            assert_eq!(settings.redrive.unwrap().max_receive_count, 3);
        }
        assert!(Settings::default().with(&one("RedrivePolicy", "{}")).is_err());
    }

    #[test]
    fn creating_again_fails_only_on_a_difference() {
        let settings = Settings::default().with(&one("VisibilityTimeout", "60")).unwrap();
        assert_eq!(settings.differs_from(&one("VisibilityTimeout", "60")).unwrap(), None);
        assert_eq!(settings.differs_from(&BTreeMap::new()).unwrap(), None);
        assert_eq!(
            settings.differs_from(&one("VisibilityTimeout", "61")).unwrap().as_deref(),
            Some("VisibilityTimeout")
        );
    }
}
