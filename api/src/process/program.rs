//! The program: settings, connections, signals.

use std::process::ExitCode;

use offload_service::{
    settings::{
        self, Access, ApiSettings, Errors, EtaSettings, Exit, Groups, LogSettings, SecretArn, Setting, StoreSettings,
        catalogue as c,
    },
    shutdown, telemetry,
};
use offload_stores::{CallPolicy, Connection};
use tokio::{net::TcpListener, sync::OnceCell};

use super::{healthcheck, lambda, server};

struct Settings {
    store: StoreSettings,
    api: ApiSettings,
    eta: EtaSettings,
    log: LogSettings,
    in_lambda: bool,
}

/// What the program reads. A group that is not here cannot be read.
type Read = (StoreSettings, ApiSettings, EtaSettings, LogSettings);

/// Checks what one group needs of another.
fn check(store: Option<&StoreSettings>, api: Option<&ApiSettings>, in_lambda: bool, errors: &mut Errors<'_>) {
    let Some(api) = api else { return };
    if api.console.on && api.console.keys.is_none() {
        let (console, key) = (c::CONSOLE.variable(), c::CONSOLE_KEY.variable());
        errors.add(format!("{console} is on, and {key} is missing: without one anybody could open the console"));
    }
    if in_lambda && api.public_url.is_none() {
        errors.add(format!("{} is missing: a function has no address for links", c::PUBLIC_URL.variable()));
    }
    let Some(store) = store else { return };
    if api.access == Access::Sts && store.signer_role_arn.is_none() {
        let (access, role) = (c::ACCESS.variable(), c::SIGNER_ROLE_ARN.variable());
        errors.add(format!("{access} is sts, and {role} is missing: clients get credentials of that role"));
    }
    if store.notifications.is_none() {
        let queue = c::NOTIFICATIONS_QUEUE_URL.variable();
        for (set, of) in [(api.push.is_some(), c::INTERNAL_SECRET), (api.webhooks.is_some(), c::WEBHOOKS)] {
            if set {
                errors.add(format!("{} is set, and {queue} is missing: events go through that queue", of.variable()));
            }
        }
    }
}

/// Every setting that the program takes.
#[must_use]
pub fn settings() -> Vec<Setting> {
    Read::settings()
}

/// Runs the program: exits with 0 after a clean stop, 1 if it cannot run, 2 for settings that are
/// not valid.
///
/// It blocks. As a future, the whole program would be compiled once more where it is awaited.
#[tokio::main]
pub async fn main() -> ExitCode {
    let about = "Accepts orders over HTTP, and serves their status. With --healthcheck: exits with 0 if the api that \
                 listens on this machine is healthy.";
    let (healthchecks, args): (Vec<_>, Vec<_>) = std::env::args_os().partition(|arg| arg == healthcheck::FLAG);
    let build = |read, errors: &mut Errors<'_>| {
        let ((store, api, eta, log), in_lambda): (<Read as Groups>::Read, _) = (read, settings::in_lambda());
        check(store.as_ref(), api.as_ref(), in_lambda, errors);
        Some(Settings { store: store?, api: api?, eta: eta?, log: log?, in_lambda })
    };
    let connection = OnceCell::new();
    let connect = || connection.get_or_init(|| Connection::from_environment(CallPolicy::INTERACTIVE));
    let secrets = async |arns: &[SecretArn]| connect().await.secrets(arns).await;
    let variables = std::env::vars_os();
    let settings = settings::parse_with_arns::<Read, _>("offload-api", about, args, variables, secrets, build).await;
    let settings = match settings {
        Ok(settings) => settings,
        Err(exit) => return Exit::report(&exit),
    };
    if !healthchecks.is_empty() {
        return healthcheck::check(settings.api.connections.admin_listen.unwrap_or(settings.api.listen)).await;
    }
    let telemetry = match telemetry::init("offload-api", &settings.log) {
        Ok(telemetry) => telemetry,
        Err(e) => return Exit::refused(&e),
    };
    let ended = run(settings, connect().await).await;
    telemetry.shutdown().await;
    ended
}

/// Runs with settings that are right, until a signal or an error ends it.
async fn run(settings: Settings, connection: &Connection) -> ExitCode {
    raise_file_limit();
    let stop = shutdown::on_signal();
    let stores = match connection.stores(&settings.store).await {
        Ok(stores) => stores,
        Err(e) => {
            tracing::error!(error = e, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    if settings.in_lambda {
        return ended(lambda::serve(settings.api, settings.eta, stores, stop).await);
    }
    let listener = match TcpListener::bind(settings.api.listen).await {
        Ok(listener) => listener,
        Err(e) => {
            tracing::error!(error = %e, listen = %settings.api.listen, "cannot listen");
            return ExitCode::FAILURE;
        }
    };
    ended(server::serve(listener, settings.api, settings.eta, stores, stop).await)
}

fn ended(served: std::io::Result<()>) -> ExitCode {
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            tracing::error!(error = %e, "cannot serve");
            ExitCode::FAILURE
        }
    }
}

/// Every connection takes a file descriptor. The soft limit is low for the sake of programs that
/// use `select`; the hard one is the operator's.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(error = %e, limit.files = current, "cannot raise the limit of open files");
    }
}
