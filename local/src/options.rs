//! How to start a stack, and where it is served.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::host_check::HostCheck;

/// The account that owns everything in the stack.
pub const ACCOUNT_ID: &str = "000000000000";

/// The shortest session that AWS grants, in seconds.
const AWS_MIN_SESSION_SECONDS: u32 = 900;

/// How to start a [`Stack`](crate::Stack).
#[derive(Clone)]
pub struct Options {
    /// Where S3 and STS listen. Port 0 takes any free port.
    pub s3: SocketAddr,
    /// Where SQS is served.
    pub sqs: SocketAddr,
    /// Where DynamoDB is served.
    pub dynamodb: SocketAddr,
    /// The directory that keeps everything across restarts and `kill -9`; without it, everything is
    /// in memory.
    pub data: Option<PathBuf>,
    /// The region named in ARNs. A signature for any region is accepted, so that another
    /// `AWS_REGION` does no harm.
    pub region: String,
    /// The access key that may do everything.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// The shortest session that `AssumeRole` grants, in seconds: 900 as on AWS, less for tests
    /// that outlive one.
    pub min_session_seconds: u32,
    /// Which hosts requests may name. Others get 421.
    pub hosts: HostCheck,
}

impl Options {
    /// Loopback on free ports, in memory: one stack per test.
    #[must_use]
    pub fn ephemeral() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { s3: any, sqs: any, dynamodb: any, ..Self::default() }
    }
}

impl Default for Options {
    fn default() -> Self {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            s3: local(9000),
            sqs: local(9324),
            dynamodb: local(8000),
            data: None,
            region: "us-east-1".to_owned(),
            access_key_id: "local".to_owned(),
            secret_access_key: "local-secret".to_owned(),
            min_session_seconds: AWS_MIN_SESSION_SECONDS,
            hosts: HostCheck::default(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("s3", &self.s3)
            .field("sqs", &self.sqs)
            .field("dynamodb", &self.dynamodb)
            .field("data", &self.data)
            .field("region", &self.region)
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"…")
            .field("min_session_seconds", &self.min_session_seconds)
            .field("hosts", &self.hosts)
            .finish()
    }
}

/// The URLs of a running stack, each `http://ADDRESS:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// S3; use path-style addressing.
    pub s3: String,
    /// SQS.
    pub sqs: String,
    /// DynamoDB.
    pub dynamodb: String,
    /// STS, on S3's listener.
    pub sts: String,
}

/// One listener of the stack. STS shares S3's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// S3 and STS.
    S3,
    /// SQS.
    Sqs,
    /// DynamoDB.
    DynamoDb,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S3 => "S3",
            Self::Sqs => "SQS",
            Self::DynamoDb => "DynamoDB",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_secret() {
        let text = format!("{:?}", Options::default());
        assert!(!text.contains("local-secret"), "{text}");
    }
}
