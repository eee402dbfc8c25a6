//! When the process should stop.

use tokio_util::sync::CancellationToken;

/// A token that SIGTERM or SIGINT cancels. A second signal ends the process at once.
///
/// Must be called within a tokio runtime. If no handler can be installed, the token is never
/// cancelled, and the signals end the process as they do by default.
#[must_use]
pub fn on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            tracing::warn!("cannot handle signals: the process will not stop cleanly");
            return;
        };
        for first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if first {
                signalled.cancel();
            } else {
                std::process::exit(130);
            }
        }
    });
    stop
}
