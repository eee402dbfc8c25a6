//! What other processes of the same user may learn of this one.

/// Keeps processes of the same user, the programs that a worker runs among them, from reading this
/// process's memory and environment (`/proc/…/environ`, `/proc/…/mem`) and from tracing it. It also
/// writes no core dump. Root may read them all the same.
///
/// To be called first in `main`. Only Linux has it; elsewhere it does nothing.
pub fn forbid_inspection() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // No program that this service supports refuses the value; without the call the programs
        // that it runs are trusted as they were before.
        if let Err(e) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("this process cannot be protected from others of the same user: {e}\n"),
            );
        }
    }
}
