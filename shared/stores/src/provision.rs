//! Makes bucket, queues and table for a laptop or a test: what Terraform does on AWS. What exists
//! already is left as it is.

use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification,
};
use aws_sdk_s3::operation::create_bucket::CreateBucketError;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, CorsConfiguration, CorsRule, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter,
};
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{
    connection::Connection,
    error::{Error, Kind},
    item::{DUE, DUE_AT, PK, SK, TTL},
};
use offload_service::settings::StoreSettings;

/// A message that was delivered so often without being settled goes to the dead-letter queue.
/// Orders themselves end earlier, by their attempts; this catches what never gets that far.
const MAX_RECEIVE_COUNT: u32 = 20;

/// The origins of this machine, as a rule of S3 has them: one `*` in each.
const LOOPBACK_ORIGINS: [&str; 8] = [
    "http://localhost",
    "http://localhost:*",
    "https://localhost",
    "https://localhost:*",
    "http://127.0.0.1",
    "http://127.0.0.1:*",
    "https://127.0.0.1:*",
    "http://[::1]:*",
];

/// What was made.
#[derive(Debug, Clone)]
pub struct Provisioned {
    /// The URL of the queue of orders.
    pub queue_url: String,
    /// The URL of the queue of urgent ones.
    pub high_queue_url: String,
    /// The URL of the queue of those that may wait.
    pub low_queue_url: String,
    /// The URL of the queue of quiet tenants.
    pub quiet_queue_url: String,
    /// The URL of its dead-letter queue.
    pub dead_letter_queue_url: String,
    /// The URL of the queue of notifications.
    pub notifications_queue_url: String,
    /// The URL of its dead-letter queue.
    pub notifications_dead_letter_queue_url: String,
    /// The URL of the queue of webhooks.
    pub webhooks_queue_url: String,
    /// The URL of the queue of webhooks that are tried again.
    pub webhook_retries_queue_url: String,
}

/// Makes the bucket, the table, the queue `queue`, the queues `{queue}-notifications`,
/// `{queue}-webhooks` and `{queue}-webhook-retries`, and for each of these a dead-letter queue with
/// `-dead` behind its name. The queues `{queue}-high`, `{queue}-low` and
/// `{queue}-quiet` share that of `queue`.
///
/// # Errors
/// If a call fails.
pub async fn provision(connection: &Connection, settings: &StoreSettings, queue: &str) -> Result<Provisioned, Error> {
    let [notifications, webhooks, retries] =
        ["notifications", "webhooks", "webhook-retries"].map(|of| format!("{queue}-{of}"));
    let (bucket, table, orders, notifications, webhooks, retries) = tokio::join!(
        make_bucket(connection, settings),
        make_table(connection, &settings.table),
        make_queues(connection, queue, ["high", "low", "quiet"]),
        make_queues(connection, &notifications, []),
        make_queues(connection, &webhooks, []),
        make_queues(connection, &retries, [])
    );
    bucket?;
    table?;
    let (orders, notifications) = (orders?, notifications?);
    let [high_queue_url, low_queue_url, quiet_queue_url] = orders.beside;
    Ok(Provisioned {
        queue_url: orders.url,
        high_queue_url,
        low_queue_url,
        quiet_queue_url,
        dead_letter_queue_url: orders.dead_letters,
        notifications_queue_url: notifications.url,
        notifications_dead_letter_queue_url: notifications.dead_letters,
        webhooks_queue_url: webhooks?.url,
        webhook_retries_queue_url: retries?.url,
    })
}

/// Sets which pages may poll: those of these origins, where `*` is any and `loopback` those of this
/// machine.
///
/// # Errors
/// If the call fails.
pub async fn allow_origins(connection: &Connection, settings: &StoreSettings, origins: &[String]) -> Result<(), Error> {
    let origins = origins.iter().flat_map(|origin| match origin.as_str() {
        "loopback" => LOOPBACK_ORIGINS.into_iter().map(str::to_owned).collect(),
        origin => vec![origin.to_owned()],
    });
    // A page may poll: GET with a validator, and read the ETag. A day of preflight cache, where one
    // is needed at all.
    let rule = CorsRule::builder().set_allowed_origins(Some(origins.collect())).allowed_methods("GET");
    let rule = rule.allowed_headers("if-none-match").expose_headers("ETag").expose_headers("Date");
    let rule = rule.max_age_seconds(86_400).build().map_err(invalid)?;
    let cors = CorsConfiguration::builder().cors_rules(rule).build().map_err(invalid)?;
    let s3 = connection.s3(settings);
    let put = Box::pin(s3.put_bucket_cors().bucket(&settings.bucket).cors_configuration(cors).send()).await;
    put.map(drop).map_err(|e| Error::of("s3.PutBucketCors", &e))
}

async fn make_bucket(connection: &Connection, settings: &StoreSettings) -> Result<(), Error> {
    let s3 = connection.s3(settings);
    let bucket = &settings.bucket;
    match Box::pin(s3.create_bucket().bucket(bucket).send()).await {
        Ok(_) => {}
        Err(e) if e.as_service_error().is_some_and(CreateBucketError::is_bucket_already_owned_by_you) => return Ok(()),
        Err(e) => return Err(Error::of("s3.CreateBucket", &e)),
    }
    allow_origins(connection, settings, &["*".to_owned()]).await?;
    let expire = |prefix: &str| {
        let filter = LifecycleRuleFilter::builder().prefix(prefix).build();
        let expiration = LifecycleExpiration::builder().days(30).build();
        let rule = LifecycleRule::builder().id(format!("expire {prefix}")).status(ExpirationStatus::Enabled);
        rule.filter(filter).expiration(expiration).build().map_err(invalid)
    };
    let rules = BucketLifecycleConfiguration::builder().rules(expire("status/")?).rules(expire("results/")?);
    let rules = rules.rules(expire("logs/")?);
    let rules = rules.build().map_err(invalid)?;
    let put =
        Box::pin(s3.put_bucket_lifecycle_configuration().bucket(bucket).lifecycle_configuration(rules).send()).await;
    put.map(drop).map_err(|e| Error::of("s3.PutBucketLifecycleConfiguration", &e))
}

async fn make_table(connection: &Connection, table: &str) -> Result<(), Error> {
    let dynamodb = connection.dynamodb();
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().map_err(invalid)
    };
    let element =
        |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(invalid);
    let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let index = GlobalSecondaryIndex::builder()
        .index_name(DUE)
        .key_schema(element(DUE, KeyType::Hash)?)
        .key_schema(element(DUE_AT, KeyType::Range)?)
        .projection(keys_only)
        .build()
        .map_err(invalid)?;
    let create = dynamodb
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute(PK, ScalarAttributeType::S)?)
        .attribute_definitions(attribute(SK, ScalarAttributeType::S)?)
        .attribute_definitions(attribute(DUE, ScalarAttributeType::S)?)
        .attribute_definitions(attribute(DUE_AT, ScalarAttributeType::N)?)
        .key_schema(element(PK, KeyType::Hash)?)
        .key_schema(element(SK, KeyType::Range)?)
        .global_secondary_indexes(index);
    match Box::pin(create.send()).await {
        Ok(_) => {}
        Err(e) if e.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => return Ok(()),
        Err(e) => return Err(Error::of("dynamodb.CreateTable", &e)),
    }
    let ttl = TimeToLiveSpecification::builder().attribute_name(TTL).enabled(true).build().map_err(invalid)?;
    let update =
        Box::pin(dynamodb.update_time_to_live().table_name(table).time_to_live_specification(ttl).send()).await;
    update.map(drop).map_err(|e| Error::of("dynamodb.UpdateTimeToLive", &e))
}

/// The URLs of queues that share a dead-letter queue.
struct Queues<const N: usize> {
    url: String,
    beside: [String; N],
    dead_letters: String,
}

/// A queue, those beside it with these endings, and their dead-letter queue.
async fn make_queues<const N: usize>(
    connection: &Connection,
    name: &str,
    beside: [&str; N],
) -> Result<Queues<N>, Error> {
    let sqs = connection.sqs();
    let dead_letter_queue_url = make_queue(&sqs, &format!("{name}-dead"), &[]).await?;
    let arn =
        sqs.get_queue_attributes().queue_url(&dead_letter_queue_url).attribute_names(QueueAttributeName::QueueArn);
    let answer = Box::pin(arn.send()).await.map_err(|e| Error::of("sqs.GetQueueAttributes", &e))?;
    let arn = answer.attributes.and_then(|a| a.get(&QueueAttributeName::QueueArn).cloned()).unwrap_or_default();
    let redrive = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{MAX_RECEIVE_COUNT}}}"#);
    let redrive = [(QueueAttributeName::RedrivePolicy, redrive)];
    let url = make_queue(&sqs, name, &redrive).await?;
    let mut urls = beside.map(|ending| format!("{name}-{ending}"));
    for queue in &mut urls {
        *queue = make_queue(&sqs, queue, &redrive).await?;
    }
    Ok(Queues { url, beside: urls, dead_letters: dead_letter_queue_url })
}

async fn make_queue(
    sqs: &aws_sdk_sqs::Client,
    name: &str,
    attributes: &[(QueueAttributeName, String)],
) -> Result<String, Error> {
    let mut create = sqs.create_queue().queue_name(name);
    // The longest that SQS keeps a message: an outage of a week loses nothing.
    create = create.attributes(QueueAttributeName::MessageRetentionPeriod, "1209600");
    for (attribute, value) in attributes {
        create = create.attributes(attribute.clone(), value);
    }
    let error = match Box::pin(create.send()).await {
        Ok(answer) => return Ok(answer.queue_url.unwrap_or_default()),
        Err(e) => e,
    };
    // It exists with other attributes: somebody has set them on purpose.
    if error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
        .is_some_and(|c| c.contains("QueueNameExists") || c.contains("QueueAlreadyExists"))
    {
        let get = Box::pin(sqs.get_queue_url().queue_name(name).send()).await;
        return Ok(get.map_err(|e| Error::of("sqs.GetQueueUrl", &e))?.queue_url.unwrap_or_default());
    }
    Err(Error::of("sqs.CreateQueue", &error))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn invalid(e: aws_smithy_types::error::operation::BuildError) -> Error {
    Error::new(Kind::Invalid, "provision", e.to_string())
}
