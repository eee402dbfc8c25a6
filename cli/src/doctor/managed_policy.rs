//! Policies that AWS keeps, by their ARNs. Pure.

use super::policy::{Policy, Statement};

/// What a policy of AWS allows on S3, SQS and DynamoDB: nothing (`Some(None)`), or too much. `None`
/// for one that is not AWS's, or is not known here.
pub(super) fn managed(arn: &str) -> Option<Option<Policy>> {
    let (_, name) = arn.split_once(":aws:policy/")?;
    let actions = match name {
        "AdministratorAccess" | "PowerUserAccess" => "*",
        "AmazonS3FullAccess" => "s3:*",
        "AmazonSQSFullAccess" => "sqs:*",
        "AmazonDynamoDBFullAccess" | "AmazonDynamoDBFullAccess_v2" => "dynamodb:*",
        // What Lambda and ECS need themselves: logs, images, network interfaces.
        "service-role/AWSLambdaBasicExecutionRole"
        | "service-role/AWSLambdaENIManagementAccess"
        | "service-role/AWSLambdaVPCAccessExecutionRole"
        | "service-role/AmazonECSTaskExecutionRolePolicy" => return Some(None),
        _ => return None,
    };
    Some(Some(Policy(vec![Statement {
        allows: true,
        actions: vec![actions.to_owned()],
        not_actions: false,
        resources: vec!["*".to_owned()],
        anybody: false,
        conditions: serde_json::Value::Null,
    }])))
}
