//! Whether queue and table are set up as the service needs them. What is not is no error: a
//! finding, for the log, that names the attribute.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{KeySchemaElement, KeyType, TableDescription, TimeToLiveDescription, TimeToLiveStatus};
use aws_sdk_sqs::types::QueueAttributeName;

use crate::{
    connection::Stores,
    error::Error,
    item::{DUE, DUE_AT, TTL},
    orders::OrderTable,
    queue::Queue,
};

/// What a program needs of the queues of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs<'a> {
    /// When an order without a deadline of its own must have ended.
    pub default_deadline: Duration,
    /// The name of the dead-letter queue that the program was given.
    pub dead_letter_queue: Option<&'a str>,
    /// The lease of an order, where messages are received by Lambda, which takes the visibility
    /// timeout of the queue. A worker that receives by itself brings its own.
    pub lease: Option<Duration>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The queue or the table.
    pub resource: String,
    /// The attribute or the part of it, as AWS calls it.
    pub attribute: &'static str,
    /// What is wrong with it, and what comes of that.
    pub detail: String,
}

/// What was found, and what could not be checked.
#[derive(Debug, Default)]
pub struct Checked {
    /// What is not as it should be.
    pub findings: Vec<Finding>,
    /// Calls that failed: the role may lack a permission.
    pub unchecked: Vec<Error>,
}

/// A queue's attributes, as SQS gives them.
type Attributes = HashMap<QueueAttributeName, String>;

impl Stores {
    /// Checks the queues of orders and the order table.
    pub async fn check_deployment(&self, needs: Needs<'_>) -> Checked {
        let (table, ttl) = tokio::join!(self.orders.description(), self.orders.time_to_live());
        let mut checked = Checked::default();
        let mut add = |resource: &str, found: Result<Vec<(&'static str, String)>, Error>| match found {
            Ok(found) => checked.findings.extend(found.into_iter().map(|(attribute, detail)| Finding {
                resource: resource.to_owned(),
                attribute,
                detail,
            })),
            Err(e) => checked.unchecked.push(e),
        };
        for (_, queue) in self.order_queues.lanes() {
            add(queue.name(), queue.attributes().await.map(|attributes| judge_queue(&attributes, needs)));
        }
        add(&self.orders.rows.table, table.map(|table| judge_index(table.as_ref())));
        add(&self.orders.rows.table, ttl.map(|ttl| judge_time_to_live(ttl.as_ref())));
        checked
    }
}

impl Queue {
    async fn attributes(&self) -> Result<Attributes, Error> {
        let get = self.client.get_queue_attributes().queue_url(&*self.url).attribute_names(QueueAttributeName::All);
        let answer = Box::pin(get.send()).await.map_err(|e| Error::of("sqs.GetQueueAttributes", &e))?;
        Ok(answer.attributes.unwrap_or_default())
    }
}

impl OrderTable {
    async fn description(&self) -> Result<Option<TableDescription>, Error> {
        let describe = Box::pin(self.rows.client.describe_table().table_name(&*self.rows.table).send()).await;
        Ok(describe.map_err(|e| Error::of("dynamodb.DescribeTable", &e))?.table)
    }

    async fn time_to_live(&self) -> Result<Option<TimeToLiveDescription>, Error> {
        let describe = Box::pin(self.rows.client.describe_time_to_live().table_name(&*self.rows.table).send()).await;
        let described = describe.map_err(|e| Error::of("dynamodb.DescribeTimeToLive", &e))?;
        Ok(described.time_to_live_description)
    }
}

fn judge_queue(attributes: &Attributes, needs: Needs<'_>) -> Vec<(&'static str, String)> {
    let seconds = |name| attributes.get(&name).and_then(|value| value.parse().ok()).map(Duration::from_secs);
    let mut found = Vec::new();
    if let Some(kept) = seconds(QueueAttributeName::MessageRetentionPeriod)
        && kept < needs.default_deadline
    {
        let detail = format!(
            "the queue drops a message after {} s, and an order without a deadline of its own has {} s: raise it, up \
             to 1209600, or lower OFFLOAD_DEFAULT_DEADLINE_SECONDS",
            kept.as_secs(),
            needs.default_deadline.as_secs()
        );
        found.push(("MessageRetentionPeriod", detail));
    }
    if let Some(visibility) = seconds(QueueAttributeName::VisibilityTimeout)
        && let Some(lease) = needs.lease.filter(|lease| visibility < *lease)
    {
        let detail = format!(
            "a message that Lambda received comes again after {} s, and the lease of its order, \
             OFFLOAD_VISIBILITY_SECONDS, lasts {} s: raise it to six times the timeout of the function",
            visibility.as_secs(),
            lease.as_secs_f64()
        );
        found.push(("VisibilityTimeout", detail));
    }
    let moved_to = attributes.get(&QueueAttributeName::RedrivePolicy).and_then(|policy| target(policy));
    let detail = match (moved_to.as_deref(), needs.dead_letter_queue) {
        (Some(queue), None) => format!(
            "the queue moves messages to \"{queue}\", and OFFLOAD_DEAD_LETTER_QUEUE_URL is not set: nobody ends \
             their orders; a sweep sends them again, until they end or their deadline comes"
        ),
        (Some(queue), Some(known)) if queue != known => format!(
            "the queue moves messages to \"{queue}\", and OFFLOAD_DEAD_LETTER_QUEUE_URL names \"{known}\": nobody ends \
             their orders; a sweep sends them again, until they end or their deadline comes"
        ),
        (None, Some(known)) => format!(
            "the queue moves no messages to \"{known}\", which OFFLOAD_DEAD_LETTER_QUEUE_URL names: one that cannot \
             be read is received until it expires"
        ),
        _ => return found,
    };
    found.push(("RedrivePolicy", detail));
    found
}

/// The name of the dead-letter queue of a redrive policy.
fn target(policy: &str) -> Option<String> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    policy["deadLetterTargetArn"].as_str()?.rsplit(':').next().map(str::to_owned)
}

fn judge_index(table: Option<&TableDescription>) -> Vec<(&'static str, String)> {
    let mut indexes = table.map(TableDescription::global_secondary_indexes).unwrap_or_default().iter();
    let Some(index) = indexes.find(|index| index.index_name() == Some(DUE)) else {
        return vec![("GlobalSecondaryIndexes", format!("the index \"{DUE}\" is missing: nothing can be swept"))];
    };
    let key = |kind| index.key_schema().iter().find(|e| *e.key_type() == kind).map(KeySchemaElement::attribute_name);
    if (key(KeyType::Hash), key(KeyType::Range)) == (Some(DUE), Some(DUE_AT)) {
        return Vec::new();
    }
    let detail = format!("the index \"{DUE}\" must have the keys {DUE} and {DUE_AT}: nothing can be swept");
    vec![("GlobalSecondaryIndexes", detail)]
}

fn judge_time_to_live(ttl: Option<&TimeToLiveDescription>) -> Vec<(&'static str, String)> {
    let on = ttl.is_some_and(|ttl| {
        let enabled = [TimeToLiveStatus::Enabled, TimeToLiveStatus::Enabling];
        ttl.time_to_live_status().is_some_and(|status| enabled.contains(status)) && ttl.attribute_name() == Some(TTL)
    });
    if on {
        return Vec::new();
    }
    vec![("TimeToLive", format!("it is not enabled on the attribute {TTL}: the table never forgets an order"))]
}

#[cfg(test)]
mod tests {
    use QueueAttributeName as Name;

    use super::*;

    const NEEDS: Needs<'_> =
        Needs { default_deadline: Duration::from_secs(100), dead_letter_queue: Some("orders-dead"), lease: None };

    fn policy(queue: &str) -> String {
        format!(r#"{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:{queue}","maxReceiveCount":20}}"#)
    }

    fn judged(attributes: &[(Name, &str)], needs: Needs<'_>) -> Vec<&'static str> {
        let attributes = attributes.iter().map(|(name, value)| (name.clone(), (*value).to_owned())).collect();
        judge_queue(&attributes, needs).into_iter().map(|(attribute, _)| attribute).collect()
    }

    #[test]
    fn a_queue_must_keep_messages_as_long_as_orders_have() {
        let dead = policy("orders-dead");
        let of = |kept| judged(&[(Name::MessageRetentionPeriod, kept), (Name::RedrivePolicy, &dead)], NEEDS);
        assert_eq!(of("99"), ["MessageRetentionPeriod"]);
        assert!(of("100").is_empty());
    }

    #[test]
    fn dead_letters_must_go_where_they_are_worked_on() {
        let of = |queue: Option<&str>, dead_letter_queue| {
            let policy = queue.map(policy);
            let attributes: Vec<_> = policy.iter().map(|p| (Name::RedrivePolicy, p.as_str())).collect();
            judged(&attributes, Needs { dead_letter_queue, ..NEEDS })
        };
        assert!(of(Some("orders-dead"), Some("orders-dead")).is_empty() && of(None, None).is_empty());
        for (queue, known) in [(Some("orders-dead"), None), (Some("other"), Some("orders-dead")), (None, Some("dead"))]
        {
            assert_eq!(of(queue, known), ["RedrivePolicy"], "{queue:?} {known:?}");
        }
    }

    #[test]
    fn only_where_lambda_receives_does_the_queues_visibility_matter() {
        let dead = policy("orders-dead");
        let attributes = [(Name::VisibilityTimeout, "29"), (Name::RedrivePolicy, dead.as_str())];
        assert!(judged(&attributes, NEEDS).is_empty());
        let lease = |seconds| Needs { lease: Some(Duration::from_secs(seconds)), ..NEEDS };
        assert_eq!(judged(&attributes, lease(30)), ["VisibilityTimeout"]);
        assert!(judged(&attributes, lease(29)).is_empty());
    }
}
