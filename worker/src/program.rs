//! The program: settings, connections, signals.

use std::process::ExitCode;

use offload_service::{
    settings::{
        self, EtaSettings, Exit, Groups as _, LogSettings, ProcessorSettings, Setting, StoreSettings, WorkerSettings,
    },
    shutdown, telemetry,
};
use offload_stores::{CallPolicy, Connection};

use crate::{
    context::Worker,
    deployment, lambda,
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

/// What the program reads. A group that is not here cannot be read.
type Read = (StoreSettings, WorkerSettings, EtaSettings, LogSettings, ProcessorSettings);

/// Every setting that the program takes.
#[must_use]
pub fn settings() -> Vec<Setting> {
    Read::settings()
}

/// Runs the program: 0 after a clean stop, 1 if it cannot work, 2 for wrong settings.
///
/// It blocks. As a future, the whole program would be compiled once more where it is awaited.
#[tokio::main]
pub async fn main() -> ExitCode {
    let about = "Takes orders from the queue, has them processed, and records how they ended.";
    let (args, variables) = (std::env::args_os(), std::env::vars_os());
    let settings = settings::parse::<Read, _>("offload-worker", about, args, variables, |read, errors| {
        let (store, worker, eta, log, processor) = read;
        let processor = processor::from_settings(processor, errors);
        if let (Some(worker), Some(eta)) = (&worker, &eta) {
            worker.check(eta, errors);
        }
        Some(Settings { store: store?, worker: worker?, eta: eta?, log: log?, processor: processor? })
    });
    let settings = match settings {
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
    let own = worker.clone();
    tokio::spawn(async move { deployment::warn(&own).await });
    run::work(worker, stop).await;
    ExitCode::SUCCESS
}
