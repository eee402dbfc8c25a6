//! What is counted of a call to AWS, and its span in a trace.
//! <https://opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/>

use std::time::Instant;

use offload_service::{metrics::AwsCalls, trace, trace_call};
use tracing::Span;

/// One call, from its beginning to its answer.
#[derive(Debug)]
pub(crate) struct CallTrace<'a> {
    calls: &'a AwsCalls,
    operation: &'a str,
    begun: Instant,
}

impl<'a> CallTrace<'a> {
    pub(crate) fn begin(calls: &'a AwsCalls, operation: &'a str) -> Self {
        Self { calls, operation, begun: Instant::now() }
    }

    /// Counts it. `span` is the one that it is in.
    pub(crate) fn end(self, span: &Span, status: Option<u16>) {
        self.calls.count(self.operation, status, self.begun.elapsed());
        match status {
            Some(status) => {
                span.record("http.response.status_code", i64::from(status));
                // A condition that does not hold is an answer like others.
                if status >= 500 {
                    trace::failed(span, if status == 503 { "503" } else { "5xx" });
                }
            }
            None => trace::failed(span, "no answer"),
        }
    }
}

/// The span of a call such as `s3.PutObject`, where it is part of a trace.
pub(crate) fn span(operation: &str, host: &str) -> Span {
    let (service, method) = operation.split_once('.').unwrap_or(("aws", operation));
    let service = match service {
        "s3" => "S3",
        "sqs" => "SQS",
        "dynamodb" => "DynamoDB",
        "sts" => "STS",
        other => other,
    };
    trace_call!(
        "call",
        otel.name = format_args!("{service}.{method}"),
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        error.type = tracing::field::Empty,
        rpc.system = "aws-api",
        rpc.service = service,
        rpc.method = method,
        server.address = host,
        db.system.name = (service == "DynamoDB").then_some("aws.dynamodb"),
        db.operation.name = (service == "DynamoDB").then_some(method),
        messaging.system = (service == "SQS").then_some("aws_sqs"),
        http.response.status_code = tracing::field::Empty,
    )
}
