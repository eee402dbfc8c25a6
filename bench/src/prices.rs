//! What AWS asks for the calls of an order, in dollars a million. November 2026, without free tiers
//! and taxes.

/// The prices of a region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prices {
    pub(crate) region: &'static str,
    /// S3 Standard, <https://aws.amazon.com/s3/pricing/>.
    pub(crate) put: f64,
    pub(crate) get: f64,
    /// SQS standard queues, <https://aws.amazon.com/sqs/pricing/>. A request of up to 64 KB; one
    /// that sends, receives or deletes up to ten messages is one.
    pub(crate) sqs: f64,
    /// DynamoDB on demand, <https://aws.amazon.com/dynamodb/pricing/on-demand/>: a unit writes 1
    /// KB, or reads 4 KB with strong consistency.
    pub(crate) write_unit: f64,
    pub(crate) read_unit: f64,
}

/// eu-west-1.
pub(crate) const IRELAND: Prices =
    Prices { region: "eu-west-1", put: 5.0, get: 0.4, sqs: 0.4, write_unit: 0.705, read_unit: 0.1415 };

/// us-east-1.
pub(crate) const VIRGINIA: Prices =
    Prices { region: "us-east-1", put: 5.0, get: 0.4, sqs: 0.4, write_unit: 0.625, read_unit: 0.125 };
