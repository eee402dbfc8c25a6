//! `offload-worker`: a worker, in a container, or as functions where Lambda runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    offload_service::confinement::forbid_inspection();
    offload_worker::program::main()
}
