//! `offload-worker`: a worker, in a container, or as functions where Lambda runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    offload_service::confinement::forbid_inspection();
    if let Some(ended) = offload_worker::processor::command::guard_programs() {
        return ended;
    }
    offload_worker::program::main()
}
