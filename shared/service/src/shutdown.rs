//! When the process should stop.

use rustix::process::Signal;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

/// The signals that end a process unless it handles them, without those of a fault in the program
/// itself, SIGKILL, and SIGPIPE, which Rust ignores.
const ENDING: &[Signal] = &[
    Signal::TERM,
    Signal::INT,
    Signal::HUP,
    Signal::QUIT,
    Signal::ALARM,
    Signal::USR1,
    Signal::USR2,
    Signal::VTALARM,
    Signal::PROF,
    Signal::XCPU,
    Signal::XFSZ,
    #[cfg(target_os = "linux")]
    Signal::IO,
    #[cfg(target_os = "linux")]
    Signal::POWER,
    #[cfg(all(target_os = "linux", not(any(target_arch = "mips", target_arch = "sparc"))))]
    Signal::STKFLT,
];

/// A token that is cancelled by any signal that would end the process. A second SIGTERM, SIGINT or
/// SIGQUIT ends it at once.
///
/// A SIGHUP that is ignored from the start, as by `nohup`, stays ignored. Only Linux states what is
/// ignored.
///
/// Must be called within a tokio runtime. A signal that cannot be handled ends the process as it
/// does by default.
#[must_use]
pub fn on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    let mut signals = ending_signals();
    tokio::spawn(async move {
        while let Some(signal) = signals.recv().await {
            if signalled.is_cancelled() && [Signal::TERM, Signal::INT, Signal::QUIT].contains(&signal) {
                std::process::exit(130);
            }
            signalled.cancel();
        }
    });
    stop
}

/// Each signal that would end the process, as it comes. While anybody has asked for them, none of
/// them ends it.
///
/// Must be called within a tokio runtime.
#[must_use]
pub fn ending_signals() -> mpsc::Receiver<Signal> {
    let (sender, receiver) = mpsc::channel(ENDING.len());
    let ignored = ignored();
    for &ending in ENDING.iter().filter(|signal| **signal != Signal::HUP || !is_in(ignored, Signal::HUP)) {
        match signal(SignalKind::from_raw(ending.as_raw())) {
            Ok(mut signals) => {
                let sender = sender.clone();
                tokio::spawn(
                    async move { while signals.recv().await.is_some() && sender.send(ending).await.is_ok() {} },
                );
            }
            Err(error) => tracing::warn!(signal = ending.as_raw(), %error, "a signal will end this process at once"),
        }
    }
    receiver
}

/// The set of ignored signals, where the kernel states it (proc(5), `SigIgn`).
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_of(&status)
}

fn ignored_of(status: &str) -> u64 {
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or_default()
}

fn is_in(set: u64, signal: Signal) -> bool {
    u32::try_from(signal.as_raw() - 1).is_ok_and(|bit| set & (1 << bit) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_found_in_the_kernels_set() {
        let set = ignored_of("Name:\tworker\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n");
        assert!(is_in(set, Signal::HUP) && is_in(set, Signal::PIPE), "{set:x}");
        assert!(!is_in(set, Signal::TERM) && !is_in(ignored_of(""), Signal::HUP));
    }
}
