//! The settings of api and worker for `up`: its own flags, then the environment, then the defaults.

use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr};

use offload_domain::{host::HostRule, schema::OrderSchema};
use offload_service::settings::{
    self, ApiSettings, EtaSettings, Exit, Kept, LogSettings, ProcessorSettings, Setting, StoreSettings, WorkerSettings,
    catalogue as c,
};
use offload_worker::processor::{self, Chosen, DEMO};

use url::Url;

use super::{args::UpArgs, secrets::Secrets};
use crate::failure::Failure;

const BUCKET: &str = "offload";
const TABLE: &str = "orders";
/// The URL is known only once the stack runs.
const QUEUE_URL_TO_COME: &str = "http://127.0.0.1/queue-to-come";

/// What api and worker read together.
type Read = (StoreSettings, ApiSettings, WorkerSettings, EtaSettings, LogSettings, ProcessorSettings);

/// Everything that api and worker are started with.
pub(super) struct Configuration {
    pub(super) store: StoreSettings,
    pub(super) api: ApiSettings,
    pub(super) worker: WorkerSettings,
    pub(super) eta: EtaSettings,
    pub(super) log: LogSettings,
    /// What processes the orders.
    pub(super) processor: Chosen,
    /// Whether orders have a schema of the team's own.
    pub(super) own_schema: bool,
}

impl Configuration {
    /// Reads and checks all settings.
    ///
    /// # Errors
    /// [`Failure::Usage`] with every error at once.
    pub(super) fn read(
        args: &UpArgs,
        secrets: &Secrets,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Failure> {
        let variables: Vec<(OsString, OsString)> = variables.into_iter().collect();
        let readable = variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        let readable = readable.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let values = values(args, secrets, &readable);
        let flags = values.iter().map(|(setting, value)| OsString::from(format!("--{}={value}", setting.name())));
        let arguments = std::iter::once(OsString::from("offload up")).chain(flags);
        let configuration = settings::parse::<Read, _>("offload up", "", arguments, variables, |read, errors| {
            let (store, api, worker, eta, log, processor) = read;
            if let (Some(worker), Some(eta)) = (&worker, &eta) {
                worker.check(eta, errors);
            }
            let (processor, api) = (processor::from_settings(processor, errors), api?);
            let public_url = api.public_url.as_ref().map(ToString::to_string);
            let admin = api.connections.admin_listen;
            if api.console.on && api.console.keys.is_none() && !is_local(args, public_url.as_ref(), admin) {
                let (console, key) = (c::CONSOLE.variable(), c::CONSOLE_KEY.variable());
                errors
                    .add(format!("{console} is on, and others can reach the api: set {key}, which opens the console"));
            }
            Some(Self {
                own_schema: api.schema.document() != OrderSchema::built_in().document(),
                store: store?,
                api,
                worker: worker?,
                eta: eta?,
                log: log?,
                processor: processor?,
            })
        });
        configuration.map_err(|exit| match exit {
            Exit::Invalid(errors) => Failure::Usage(errors.to_string()),
            Exit::Help(text) => Failure::Usage(text),
        })
    }
}

/// The settings of `up` itself: its flags, what the stack needs, and what follows from both.
fn values(args: &UpArgs, secrets: &Secrets, variables: &BTreeMap<String, String>) -> Vec<(Setting, String)> {
    let from_environment = |s: Setting| variables.get(&s.variable()).filter(|v| !v.is_empty());
    let processor = args.processor.clone().or_else(|| from_environment(c::PROCESSOR).cloned());
    let processor = processor.unwrap_or_else(|| DEMO.name.to_owned());
    let mut values = vec![
        (c::BUCKET, BUCKET.to_owned()),
        (c::TABLE, TABLE.to_owned()),
        (c::QUEUE_URL, QUEUE_URL_TO_COME.to_owned()),
        (c::LISTEN, args.api.to_string()),
        (c::TOKEN_SECRET, secrets.token_secret.clone()),
        (c::INTERNAL_SECRET, secrets.internal_secret()),
        (c::INTERNAL_LISTEN, "127.0.0.1:0".to_owned()),
        (c::NOTIFICATIONS_QUEUE_URL, QUEUE_URL_TO_COME.to_owned()),
        (c::WEBHOOKS, "true".to_owned()),
        (c::WEBHOOK_SECRET, secrets.webhook_secret()),
        // The secret that `up` prints verifies, as it always has.
        (c::WEBHOOK_SHARED_SIGNATURE, "true".to_owned()),
        // A default that the worker does not have.
        (c::PROCESSOR, processor.clone()),
    ];
    let flags = [
        (c::PUBLIC_URL, args.public_url.clone()),
        (c::ADMIN_LISTEN, args.admin.map(|admin| admin.to_string())),
        (c::WEBHOOK_INSECURE_LOOPBACK, args.loopback_webhooks.then(|| "true".to_owned())),
        (c::CONCURRENCY, args.workers.map(|n| n.to_string())),
        (c::ORDER_SCHEMA, args.order_schema.clone()),
        (c::COMMAND, args.command.clone()),
        (c::COMMAND_ENV, args.command_env.clone()),
        (c::HTTP_URL, args.http_url.clone()),
        (c::JOB_SECONDS, args.job_seconds.clone()),
    ];
    values.extend(flags.into_iter().filter_map(|(setting, value)| Some((setting, value?))));

    let log = args.log.as_deref().or(from_environment(c::LOG).map(String::as_str)).unwrap_or("warn");
    // The library under the stack's S3 logs every 304 and 404 as an error; the stack logs its own.
    values.push((c::LOG, if log.contains("s3s") { log.to_owned() } else { format!("{log},s3s=off") }));
    // PUTs cost nothing here, and frequent progress lets a newcomer see how the service works.
    // On one's own machine nobody needs credentials.
    // A page that somebody else made must not use the service: neither by CORS, nor by a name of
    // its own that points at this machine.
    for (setting, value) in [
        (c::LOG_FORMAT, "text".to_owned()),
        (c::PROGRESS_WRITES, "live".to_owned()),
        (c::PROGRESS_INTERVAL_SECONDS, "1".to_owned()),
        (c::AUTH, "none".to_owned()),
        (c::CORS_ORIGINS, "loopback".to_owned()),
        (c::HOSTS, hosts(args, from_environment(c::PUBLIC_URL))),
        (c::CONSOLE, if opens_console(args, variables) { "on" } else { "off" }.to_owned()),
        (c::ENVIRONMENT, "local".to_owned()),
    ] {
        if from_environment(setting).is_none() {
            values.push((setting, value));
        }
    }

    // The expected values follow from the flags; a variable may still correct a default.
    let value = |flag: Option<String>, s: Setting| {
        flag.or_else(|| from_environment(s).cloned()).or(s.default.map(str::to_owned)).unwrap_or_default()
    };
    let expected = |s: Setting, flag: bool| flag || from_environment(s).is_none();
    if expected(c::EXPECTED_CONCURRENCY, args.workers.is_some())
        && let Ok(n) = value(args.workers.map(|n| n.to_string()), c::CONCURRENCY).parse::<u32>()
    {
        values.push((c::EXPECTED_CONCURRENCY, n.to_string()));
    }
    if expected(c::EXPECTED_JOB_SECONDS, args.job_seconds.is_some())
        && processor == DEMO.name
        && let Some(mean) = mean(&value(args.job_seconds.clone(), c::JOB_SECONDS))
    {
        values.push((c::EXPECTED_JOB_SECONDS, mean.to_string()));
    }
    values
}

/// Whether the console may be open to everybody who reaches it: this machine's own users alone do.
fn is_local(args: &UpArgs, public_url: Option<&String>, admin: Option<SocketAddr>) -> bool {
    let public_url = args.public_url.as_ref().or(public_url).and_then(|url| Url::parse(url).ok());
    let public_host = public_url.and_then(|url| url.host_str().map(str::to_owned));
    let own = public_host.is_none_or(|host| HostRule::Loopback.allows(&host));
    own && [Some(args.api), admin].into_iter().flatten().all(|address| address.ip().to_canonical().is_loopback())
}

/// Whether the console is on unless it is set: with a key, or where it needs none. Where callers
/// are known, nobody who is not gets past it.
fn opens_console(args: &UpArgs, variables: &BTreeMap<String, String>) -> bool {
    let is_set = |variable: &String| variables.get(variable).is_some_and(|value| !value.is_empty());
    let kept = Kept::ALL.map(|kept| c::CONSOLE_KEY.variable_of(kept));
    let has_key = is_set(&c::CONSOLE_KEY.variable()) || kept.iter().any(is_set);
    let knows_callers =
        variables.get(&c::AUTH.variable()).is_some_and(|methods| !["", "none"].contains(&methods.trim()));
    let admin = variables.get(&c::ADMIN_LISTEN.variable()).and_then(|address| address.parse().ok());
    has_key || (!knows_callers && is_local(args, variables.get(&c::PUBLIC_URL.variable()), args.admin.or(admin)))
}

/// The hosts by which clients call the stack: this machine's, that of its public URL, and addresses
/// where other machines may call it.
fn hosts(args: &UpArgs, public_url: Option<&String>) -> String {
    let public_url = args.public_url.as_ref().or(public_url).and_then(|url| Url::parse(url).ok());
    let public_host = public_url.and_then(|url| url.host_str().map(str::to_owned));
    let remote = args.allow_remote.then(|| "addresses".to_owned());
    ["loopback".to_owned()].into_iter().chain(public_host).chain(remote).collect::<Vec<_>>().join(",")
}

/// The mean of a distribution as it is written: `2`, `exp:2`, `lognormal:2:0.5`. At least a
/// millisecond, which is what the estimator can work with.
fn mean(distribution: &str) -> Option<f64> {
    let mean: f64 = distribution.split(':').find_map(|part| part.trim().parse().ok())?;
    mean.is_finite().then(|| mean.max(0.001))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        up: UpArgs,
    }

    fn read(flags: &[&str], variables: &[(&str, &str)]) -> Result<Configuration, Failure> {
        let line = CommandLine::parse_from(std::iter::once(&"up").chain(flags));
        let variables = variables.iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
        Configuration::read(&line.up, &Secrets::fresh(), variables)
    }

    #[test]
    fn the_expected_values_follow_from_the_flags() {
        let c = read(&[], &[]).unwrap();
        assert_eq!((c.eta.expected_job_seconds, c.eta.expected_concurrency), (2.0, 10));
        let c = read(&["--workers=3", "--job-seconds=exp:0.5"], &[("OFFLOAD_EXPECTED_JOB_SECONDS", "9")]).unwrap();
        assert_eq!((c.eta.expected_job_seconds, c.eta.expected_concurrency), (0.5, 3));
        assert_eq!(c.worker.concurrency, 3);
        let c = read(&[], &[("OFFLOAD_EXPECTED_JOB_SECONDS", "9"), ("OFFLOAD_CONCURRENCY", "4")]).unwrap();
        assert_eq!((c.eta.expected_job_seconds, c.eta.expected_concurrency), (9.0, 4));
        assert!(read(&["--job-seconds=0"], &[]).is_ok());
    }

    #[test]
    fn up_names_the_demo_unless_another_processor_is_set() {
        let processor = |flags: &[&str], variables: &[(&str, &str)]| {
            let line = CommandLine::parse_from(std::iter::once(&"up").chain(flags));
            let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let values = values(&line.up, &Secrets::fresh(), &variables);
            values.into_iter().find(|(setting, _)| setting.name() == c::PROCESSOR.name()).map(|(_, value)| value)
        };
        assert_eq!(processor(&[], &[]).as_deref(), Some("demo"));
        assert_eq!(processor(&[], &[("OFFLOAD_PROCESSOR", "http")]).as_deref(), Some("http"));
        let flag = processor(&["--processor=command"], &[("OFFLOAD_PROCESSOR", "http")]);
        assert_eq!(flag.as_deref(), Some("command"));
    }

    #[test]
    fn an_unknown_processor_is_refused_by_its_name() {
        let Err(Failure::Usage(text)) = read(&["--processor=shell"], &[]) else { panic!() };
        assert!(text.contains("\"shell\"") && text.contains("demo ("), "{text}");
    }

    #[test]
    fn the_environment_cannot_redirect_the_stack() {
        let variables = [("OFFLOAD_MAX_ATTEMPTS", "2"), ("OFFLOAD_BUCKET", "theirs"), ("OFFLOAD_LISTEN", "nonsense")];
        let c = read(&[], &variables).unwrap();
        assert_eq!((c.worker.limits.max_attempts, c.store.bucket.as_str()), (2, BUCKET));
        assert_eq!(c.api.listen.to_string(), "127.0.0.1:8080");
    }

    #[test]
    fn a_laptop_is_open_to_its_own_pages_and_hosts_alone() {
        let of = |flags: &[&str], variables: &[(&str, &str)]| {
            let c = read(flags, variables).unwrap();
            let hosts = c.api.connections.hosts.unwrap();
            let allowed = ["localhost:1", "up.example.com", "evil.example", "192.0.2.1"];
            let allowed = allowed.into_iter().filter(|host| hosts.iter().any(|rule| rule.allows(host)));
            (allowed.collect::<Vec<_>>().join(" "), c.api.cors_origins.join(","), c.api.webhooks.unwrap().loopback)
        };
        let expected = |hosts: &str, origins: &str, webhooks| (hosts.to_owned(), origins.to_owned(), webhooks);
        assert_eq!(of(&[], &[]), expected("localhost:1", "loopback", false));
        let (flags, variables) =
            (["--public-url=https://up.example.com/x", "--loopback-webhooks"], [("OFFLOAD_CORS_ORIGINS", "*")]);
        assert_eq!(of(&flags, &variables), expected("localhost:1 up.example.com", "*", true));
        assert_eq!(of(&["--allow-remote"], &[]).0, "localhost:1 192.0.2.1");
        assert_eq!(of(&[], &[("OFFLOAD_HOSTS", "evil.example")]).0, "evil.example");
    }

    #[test]
    fn the_console_is_open_on_this_machine_alone() {
        let on = |flags: &[&str], variables: &[(&str, &str)]| {
            read(flags, variables).map(|c| (c.api.console.on, c.api.console.keys.is_some()))
        };
        let key = ("OFFLOAD_CONSOLE_KEY", "0123456789abcdef0123456789abcdef");
        assert_eq!(on(&[], &[]).unwrap(), (true, false));
        assert_eq!(on(&[], &[("OFFLOAD_CONSOLE", "off")]).unwrap(), (false, false));
        for remote in [
            &["--public-url=https://up.example.com"][..],
            &["--api=0.0.0.0:1", "--allow-remote"],
            &["--admin=0.0.0.0:1", "--allow-remote"],
        ] {
            assert_eq!(on(remote, &[]).unwrap(), (false, false), "{remote:?}");
            assert_eq!(on(remote, &[key]).unwrap(), (true, true), "{remote:?}");
            let Err(Failure::Usage(text)) = on(remote, &[("OFFLOAD_CONSOLE", "on")]) else { panic!("{remote:?}") };
            assert!(text.contains("OFFLOAD_CONSOLE_KEY"), "{text}");
        }
    }

    #[test]
    fn every_invalid_setting_is_reported_at_once() {
        let variables = [("OFFLOAD_VISIBILITY_SECONDS", "x"), ("OFFLOAD_MAX_ATTEMPTS", "many")];
        for (flag, wrong) in [("--job-seconds=soon", "--job-seconds is \"soon\""), ("--processor=command", "--command")]
        {
            let Err(Failure::Usage(text)) = read(&[flag], &variables) else { panic!() };
            for part in ["OFFLOAD_MAX_ATTEMPTS", "OFFLOAD_VISIBILITY_SECONDS", wrong] {
                assert!(text.contains(part), "{part} is not in {text}");
            }
        }
    }

    #[test]
    fn the_log_is_text_with_warnings_by_default() {
        let c = read(&[], &[]).unwrap();
        assert_eq!((c.log.filter.as_str(), c.log.json), ("warn,s3s=off", false));
        let c = read(&["--log=debug,s3s=info"], &[("OFFLOAD_LOG", "trace"), ("OFFLOAD_LOG_FORMAT", "json")]).unwrap();
        assert_eq!((c.log.filter.as_str(), c.log.json), ("debug,s3s=info", true));
    }

    #[test]
    fn a_command_may_begin_like_a_flag() {
        let c = read(&["--processor", "command", "--command", r#"["sh","-c","true"]"#], &[]).unwrap();
        assert!(c.processor.work.starts_with("command: ["));
    }
}
