//! The program: settings, connections, signals.

use std::process::ExitCode;

use offload_service::{
    settings::{self, EtaSettings, Exit, Setting, Source, StoreSettings, WorkerSettings},
    shutdown,
    telemetry::{self, LogSettings},
};
use offload_stores::{CallPolicy, Connection};

use crate::{
    context::Worker,
    lambda,
    processor::{self, Chosen},
    run,
};

/// The exit code of a program whose settings cannot be used.
const WRONG_SETTINGS: u8 = 2;

struct Settings {
    store: StoreSettings,
    worker: WorkerSettings,
    eta: EtaSettings,
    log: LogSettings,
    processor: Chosen,
}

fn read(s: &mut Source) -> Option<Settings> {
    let (store, worker, eta) = (StoreSettings::read(s), WorkerSettings::read(s), EtaSettings::read(s));
    let (log, processor) = (LogSettings::read(s), processor::from_settings(s));
    Some(Settings { store: store?, worker: worker?, eta: eta?, log: log?, processor: processor? })
}

/// Every setting that the program takes.
#[must_use]
pub fn settings() -> Vec<Setting> {
    [
        StoreSettings::SETTINGS,
        WorkerSettings::SETTINGS,
        EtaSettings::SETTINGS,
        LogSettings::SETTINGS,
        &processor::settings(),
    ]
    .concat()
}

/// Runs the program: 0 after a clean stop, 1 if it cannot work, 2 for wrong settings.
pub async fn main() -> ExitCode {
    let about = "Takes orders from the queue, has them processed, and records how they ended.";
    let settings =
        match settings::parse("offload-worker", about, &settings(), std::env::args_os(), std::env::vars(), read) {
            Ok(settings) => settings,
            Err(exit) => return Exit::report(&exit),
        };
    telemetry::init(&settings.log);
    let connection = Connection::from_environment(CallPolicy::BACKGROUND).await;
    let stores = match connection.stores(&settings.store).await {
        Ok(stores) => stores,
        Err(e) => {
            tracing::error!(error = e, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    let Settings { worker, eta, processor, .. } = settings;
    let worker = match Worker::new(worker, eta, stores, processor.processor) {
        Ok(worker) => worker,
        Err(e) => {
            tracing::error!(error = %e, "cannot start");
            return ExitCode::from(WRONG_SETTINGS);
        }
    };
    let stop = shutdown::on_signal();
    if settings::in_lambda() {
        return match lambda::serve(&worker, stop).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                tracing::error!(error = %e, "cannot serve");
                ExitCode::FAILURE
            }
        };
    }
    run::work(worker, stop).await;
    ExitCode::SUCCESS
}
