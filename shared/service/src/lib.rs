//! What each program needs: [`settings`], [`telemetry`], [`trace`], [`metrics`], [`shutdown`], and
//! the [`clock`].

pub mod certificates;
pub mod clock;
pub mod confinement;
pub mod metrics;
pub mod settings;
pub mod shutdown;
pub mod telemetry;
pub mod trace;
