//! What each program needs: [`settings`], [`telemetry`], [`shutdown`], and the [`clock`].

pub mod certificates;
pub mod clock;
pub mod confinement;
pub mod settings;
pub mod shutdown;
pub mod telemetry;
