//! The program: settings, connections, signals.

use std::process::ExitCode;

use offload_service::{
    settings::{
        self, Errors, EtaSettings, Exit, Groups, LogSettings, ProcessorSettings, SecretArn, Setting, StoreSettings,
        WorkerSettings,
    },
    shutdown, telemetry,
};
use offload_stores::{CallPolicy, Connection};
use tokio::sync::OnceCell;

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
    let build = |read, errors: &mut Errors<'_>| {
        let (store, worker, eta, log, processor): <Read as Groups>::Read = read;
        let processor = processor::from_settings(processor, errors);
        if let (Some(worker), Some(eta)) = (&worker, &eta) {
            worker.check(eta, errors);
        }
        Some(Settings { store: store?, worker: worker?, eta: eta?, log: log?, processor: processor? })
    };
    let connection = OnceCell::new();
    let connect = || connection.get_or_init(|| Connection::from_environment(CallPolicy::BACKGROUND));
    let secrets = async |arns: &[SecretArn]| connect().await.secrets(arns).await;
    let settings = settings::parse_with_arns::<Read, _>("offload-worker", about, args, variables, secrets, build).await;
    let settings = match settings {
        Ok(settings) => settings,
        Err(exit) => return Exit::report(&exit),
    };
    let telemetry = match telemetry::init("offload-worker", &settings.log) {
        Ok(telemetry) => telemetry,
        Err(e) => return Exit::refused(&e),
    };
    let ended = run_with(settings, connect().await).await;
    telemetry.shutdown().await;
    ended
}

/// Runs with settings that are right, until a signal or an error ends it.
async fn run_with(settings: Settings, connection: &Connection) -> ExitCode {
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
    let admin = match run::listen(&worker).await {
        Ok(admin) => admin,
        Err(e) => {
            tracing::error!(error = %e, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    let own = worker.clone();
    tokio::spawn(async move { deployment::warn(&own).await });
    run::work(worker, admin, stop).await;
    ExitCode::SUCCESS
}
