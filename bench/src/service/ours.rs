//! The programs of this workspace, with the settings of production.

use std::path::{Path, PathBuf};

use offload_service::settings::{Setting, catalogue as c};
use offload_tests::{SECRET, program};

use super::running::Program;
use crate::stub::Stub;

/// The api. All clients of the harness have one address, so its limits are out of the way.
pub(super) fn api(name: &str, path: Option<&Path>, stub: &Stub) -> Program {
    let limit = "1000000";
    let settings: [(Setting, &str); 4] = [
        (c::TOKEN_SECRET, SECRET),
        (c::AUTH, "none"),
        (c::MAX_REQUESTS_PER_SECOND, limit),
        (c::MAX_BODY_BYTES_PER_SECOND, "1000000000"),
    ];
    ours(name, path.map_or_else(|| program("offload-api"), Path::to_owned), &settings, stub)
}

/// The worker, whose work takes no time.
pub(super) fn worker(name: &str, path: Option<&Path>, stub: &Stub) -> Program {
    let settings: [(Setting, &str); 2] = [(c::PROCESSOR, "demo"), (c::JOB_SECONDS, "0")];
    ours(name, path.map_or_else(|| program("offload-worker"), Path::to_owned), &settings, stub)
}

fn ours(name: &str, path: PathBuf, settings: &[(Setting, &str)], stub: &Stub) -> Program {
    let settings = settings.iter().map(|(setting, value)| (setting.variable(), (*value).to_owned()));
    let aws = stub.variables().into_iter().map(|(variable, value)| (variable.to_owned(), value));
    Program { name: name.to_owned(), path, args: Vec::new(), variables: aws.chain(settings).collect() }
}
