//! What AWS asks a price for.

use serde::{Deserialize, Serialize};

/// What AWS asks a price for. The names are those of the price file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// A PUT to S3 Standard.
    S3Put,
    /// A GET of S3, also one that is answered by 304.
    S3Get,
    /// A GB in S3 Standard for a month.
    S3Storage,
    /// A request to an HTTP API of API Gateway.
    HttpApiRequest,
    /// A request to a REST API of API Gateway.
    RestApiRequest,
    /// A message of a WebSocket API, up to 32 KB, in either direction.
    WebsocketMessage,
    /// A minute of an open connection to a WebSocket API.
    WebsocketMinute,
    /// An invocation of a function.
    LambdaRequest,
    /// A GB of a function's memory for a second, on x86.
    LambdaSecondX86,
    /// The same on Arm.
    LambdaSecondArm,
    /// A write unit of DynamoDB on demand: 1 KB.
    DynamodbWrite,
    /// A read unit: 4 KB with strong consistency, 8 KB without.
    DynamodbRead,
    /// A GB in a table for a month.
    DynamodbStorage,
    /// A request to a standard queue, of up to ten messages and 64 KB.
    SqsRequest,
    /// A processor of a task for an hour, on Arm.
    FargateVcpuArm,
    /// A GB of a task's memory for an hour, on Arm.
    FargateGbArm,
    /// An Application Load Balancer for an hour.
    BalancerHour,
    /// What it handles, in its own unit.
    BalancerUnit,
    /// A run of an EventBridge schedule.
    ScheduleRun,
    /// A GB to the internet.
    Egress,
}

impl Item {
    /// Every item.
    pub const ALL: [Self; 20] = [
        Self::S3Put,
        Self::S3Get,
        Self::S3Storage,
        Self::HttpApiRequest,
        Self::RestApiRequest,
        Self::WebsocketMessage,
        Self::WebsocketMinute,
        Self::LambdaRequest,
        Self::LambdaSecondX86,
        Self::LambdaSecondArm,
        Self::DynamodbWrite,
        Self::DynamodbRead,
        Self::DynamodbStorage,
        Self::SqsRequest,
        Self::FargateVcpuArm,
        Self::FargateGbArm,
        Self::BalancerHour,
        Self::BalancerUnit,
        Self::ScheduleRun,
        Self::Egress,
    ];
}
