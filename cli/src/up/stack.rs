//! The embedded stack: its options and endpoints, and why it could not start.

use std::{io, net::SocketAddr};

use offload_domain::host::HostRule;
use offload_local::{HostCheck, Options, Service, Stack, StartError};
use offload_stores::Endpoints;

use url::Url;

use super::{args::UpArgs, configuration::Configuration, secrets::Secrets};
use crate::failure::Failure;

/// The region of the stack, which accepts any.
pub(super) const REGION: &str = "us-east-1";
/// The queue of orders.
pub(super) const QUEUE: &str = "orders";

pub(super) fn options(args: &UpArgs, secrets: &Secrets, configuration: &Configuration) -> Options {
    let mut hosts = configuration.api.connections.hosts.clone().unwrap_or_default();
    let public = configuration.store.public_s3_endpoint.as_ref();
    hosts.extend(public.and_then(Url::host_str).map(|host| HostRule::Named(host.to_owned())));
    Options {
        s3: args.s3,
        sqs: args.sqs,
        dynamodb: args.dynamodb,
        data: args.data.clone(),
        region: REGION.to_owned(),
        access_key_id: secrets.access_key_id.clone(),
        secret_access_key: secrets.secret_access_key.clone(),
        hosts: HostCheck::new(move |host| hosts.iter().any(|rule| rule.allows(host))),
        ..Options::default()
    }
}

pub(super) fn endpoints(stack: &Stack, secrets: &Secrets) -> Endpoints {
    let e = stack.endpoints();
    Endpoints {
        s3: e.s3.clone(),
        sqs: e.sqs.clone(),
        dynamodb: e.dynamodb.clone(),
        region: REGION.to_owned(),
        access_key_id: secrets.access_key_id.clone(),
        secret_access_key: secrets.secret_access_key.clone(),
    }
}

pub(super) fn not_started(e: &StartError) -> Failure {
    let flag = |service: &Service| match service {
        Service::S3 => "--s3",
        Service::Sqs => "--sqs",
        Service::DynamoDb => "--dynamodb",
    };
    match e {
        StartError::AddressInUse { service, address } => in_use(&service.to_string(), flag(service), *address),
        StartError::Listen { service, address, source } => {
            cannot_listen(&service.to_string(), flag(service), *address, source)
        }
        e => Failure::Refused(e.to_string()),
    }
}

pub(super) fn cannot_listen(service: &str, flag: &str, address: SocketAddr, e: &io::Error) -> Failure {
    if e.kind() == io::ErrorKind::AddrInUse {
        return in_use(service, flag, address);
    }
    Failure::Refused(format!("{service} cannot listen on {address}: {e} (set another address with {flag} HOST:PORT)"))
}

fn in_use(service: &str, flag: &str, address: SocketAddr) -> Failure {
    Failure::Refused(format!(
        "{service} cannot listen on {address}: another program uses it. Stop that program, or set another port with {flag} PORT \
         (0 takes any free one)"
    ))
}
