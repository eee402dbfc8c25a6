use std::{collections::HashSet, ffi::OsString};

use super::{catalogue as c, *};

type All = (StoreSettings, ApiSettings, WorkerSettings, ProcessorSettings, EtaSettings, LogSettings);

/// Bucket, table and concurrency.
fn read(args: &[&str], variables: &[(&str, &str)]) -> Result<(String, String, usize), Exit> {
    let args = ["p", "--queue-url=q"].iter().chain(args).map(OsString::from);
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    parse::<(StoreSettings, WorkerSettings), _>("p", "a program", args, variables, |(store, worker), _| {
        let (store, worker) = (store?, worker?);
        Some((store.bucket, store.table, worker.concurrency))
    })
}

fn errors(args: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    match read(args, variables) {
        Err(Exit::Invalid(errors)) => errors.0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_default() {
    let variables = [("OFFLOAD_BUCKET", "b"), ("OFFLOAD_TABLE", "t"), ("OFFLOAD_CONCURRENCY", "7")];
    assert_eq!(read(&[], &variables[..2]).unwrap(), ("b".into(), "t".into(), 10));
    assert_eq!(read(&[], &variables).unwrap().2, 7);
    assert_eq!(read(&["--concurrency", "8"], &variables).unwrap().2, 8);
}

#[test]
fn every_error_is_reported_at_once() {
    let variables = [("OFFLOAD_BUKET", "b"), ("OFFLOAD_CONCURRENCY", "many"), ("PATH", "/bin")];
    let e = errors(&["--colour", "red", "--shape=round", "-v", "--con=1"], &variables);
    assert_eq!(e.len(), 7, "{e:#?}");
    assert!(["--colour", "--shape", "-v", "--con"].iter().zip(&e[..4]).all(|(flag, e)| e.starts_with(flag)), "{e:#?}");
    assert!(e[4].contains("OFFLOAD_BUCKET") && e[4].contains("missing"));
    assert!(e[5].contains("OFFLOAD_TABLE"));
    assert!(e[6].contains("\"many\"") && e[6].contains("OFFLOAD_CONCURRENCY"));
}

#[test]
fn a_misspelt_name_comes_with_a_suggestion() {
    let e = errors(&["--concurency=3"], &[]);
    assert_eq!(e[0], "--concurency is not a setting; did you mean --concurrency? (--help lists them)");
    assert_eq!(
        warnings(&[("OFFLOAD_TBALE", "t"), ("OFFLOAD_VISIBILTY_SECONDS", "5"), ("OFFLOAD_COLOUR", "red")]),
        [
            "OFFLOAD_TBALE is not a setting, and is ignored; did you mean OFFLOAD_TABLE?",
            "OFFLOAD_VISIBILTY_SECONDS is not a setting, and is ignored; did you mean OFFLOAD_VISIBILITY_SECONDS?",
            "OFFLOAD_COLOUR is not a setting, and is ignored",
        ]
    );
}

/// What is warned of in these variables, none of which stops a program.
fn warnings(variables: &[(&str, &str)]) -> Vec<String> {
    let mut source = source::Source::new(vec![c::TABLE]);
    source.set_variables(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))), &c::ALL);
    let warnings = source.warnings().to_vec();
    assert!(source.into_errors().is_empty());
    warnings
}

#[test]
fn what_kubernetes_sets_beside_a_service_is_no_concern_of_ours() {
    let set = ["OFFLOAD", "OFFLOAD_API", "OFFLOAD_API_2"].map(|name| {
        let of = |rest: &str| format!("{name}_{rest}");
        ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_80_TCP", "PORT_80_TCP_PROTO"].map(of)
    });
    let set: Vec<_> = set.as_flattened().iter().map(|name| (name.as_str(), "tcp://10.0.0.1:80")).collect();
    assert_eq!(warnings(&set), [""; 0]);
    assert_eq!(warnings(&[("OFFLOAD_PORTS", "1"), ("OFFLOAD_PORT_80_TCP_X", "1")]).len(), 2);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_an_error_only_if_it_is_a_setting() {
    use std::os::unix::ffi::OsStringExt as _;
    let value = || OsString::from_vec(vec![0xff]);
    let mut source = source::Source::new(vec![c::TABLE]);
    let names = ["OFFLOAD_TABLE", "OFFLOAD_COLOUR", "PATH"].map(OsString::from);
    let odd = OsString::from_vec(b"OFFLOAD_\xff".to_vec());
    source.set_variables(names.into_iter().chain([odd]).map(|name| (name, value())), &c::ALL);
    assert_eq!(source.into_errors(), ["OFFLOAD_TABLE is not UTF-8"]);
}

#[test]
fn a_number_has_bounds_and_an_empty_value_is_not_set() {
    let e = errors(&["--concurrency=0", "--bucket="], &[("OFFLOAD_TABLE", "t")]);
    assert!(e[0].contains("OFFLOAD_BUCKET") && e[1].contains("not between 1 and 1000"), "{e:?}");
}

#[test]
fn a_setting_of_another_program_is_not_an_error() {
    assert!(read(&["--bucket=b", "--table=t"], &[("OFFLOAD_LISTEN", "x"), ("OFFLOAD_ORDER_ID", "y")]).is_ok());
}

#[test]
fn help_names_flag_variable_default_and_what_is_required() {
    let Err(Exit::Help(help)) = read(&["--help"], &[]) else { panic!() };
    for part in
        ["--concurrency", "OFFLOAD_CONCURRENCY", "[default: 10]", "S3 bucket of status objects and results. [required]"]
    {
        assert!(help.contains(part), "{part} is not in {help}");
    }
}

#[test]
fn every_setting_has_its_own_name_and_a_help_text() {
    let names: HashSet<_> = ALL.iter().map(Setting::name).collect();
    assert_eq!(names.len(), ALL.len());
    assert!(ALL.iter().all(|s| s.help.ends_with('.') && !s.help.contains("  ")), "each is a sentence");
    assert_eq!((c::QUEUE_URL.name().as_str(), c::QUEUE_URL.variable().as_str()), ("queue-url", "OFFLOAD_QUEUE_URL"));
}

/// Values for what is required, so that the rest have their defaults.
fn required() -> Vec<(Setting, &'static str)> {
    let values = [
        (c::BUCKET, "b"),
        (c::TABLE, "t"),
        (c::QUEUE_URL, "q"),
        (c::TOKEN_SECRET, SECRET),
        (c::AUTH, "none"),
        (c::PROCESSOR, "p"),
    ];
    ALL.iter().filter(|s| s.required).map(|s| *values.iter().find(|(v, _)| v == s).expect("a value")).collect()
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn every_default_can_be_used() {
    let (store, api, ..) = from_values::<All>(required()).unwrap();
    assert!(store.notifications.is_none() && api.push.is_none() && api.webhooks.is_none());
}

#[test]
fn a_secret_is_in_no_error_and_in_no_log() {
    let secrets: Vec<Setting> = ALL.iter().filter(|s| s.secret).copied().collect();
    for setting in ALL.iter().filter(|s| ["SECRET", "_JWT", "API_KEY"].iter().any(|word| s.constant.ends_with(word))) {
        assert!(secrets.contains(setting), "{} is a secret", setting.variable());
    }
    let mut values = required();
    values.extend(secrets.iter().map(|s| (*s, "very-private")));
    let Err(errors) = from_values::<All>(values.iter().copied()) else { panic!() };
    assert!(errors.0.len() >= 2 && !errors.to_string().contains("very-private"), "{errors}");

    let webhook = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    let value = |s: &Setting| if *s == c::WEBHOOK_SECRET { webhook } else { SECRET };
    values.extend(secrets.iter().map(|s| (*s, value(s))));
    let (_, api, worker, ..) = from_values::<All>(values).unwrap();
    let log = format!("{api:?} {worker:?}");
    assert!(!log.contains(SECRET) && !log.contains(webhook), "{log}");
}

#[test]
fn times_that_contradict_each_other_are_refused_by_both_names() {
    type Pair = (Setting, Setting);
    let errors = |(low, high): Pair, (low_value, high_value)| {
        let values = required().into_iter().chain([(low, low_value), (high, high_value)]);
        let read = build_from::<All, ()>(values, |(_, _, worker, _, eta, _), errors| {
            worker?.check(&eta?, errors);
            Some(())
        });
        read.err().map(|errors| errors.to_string())
    };
    for (low, high) in [
        (c::STATUS_URL_MIN_TTL_SECONDS, c::STATUS_URL_TTL_SECONDS),
        (c::RETRY_BASE_SECONDS, c::RETRY_MAX_SECONDS),
        (c::EXPECTED_JOB_SECONDS, c::JOB_TIMEOUT_SECONDS),
        (c::EXPECTED_JOB_SECONDS, c::DEFAULT_DEADLINE_SECONDS),
    ] {
        let refused = errors((low, high), ("61", "60.5")).unwrap();
        assert!(refused.contains(&low.variable()) && refused.contains(&high.variable()), "{refused}");
        assert_eq!(errors((low, high), ("60.5", "60.5")), None);
    }
}

#[test]
fn events_need_the_queue_of_notifications() {
    let mut values = required();
    values.extend([(c::EVENT_TOPIC_ARN, "arn"), (c::MERCURE_URL, "https://hub.example/")]);
    let Err(errors) = from_values::<StoreSettings>(values.iter().copied()) else { panic!() };
    assert_eq!(errors.0.len(), 2, "{errors}");
    values.push((c::NOTIFICATIONS_QUEUE_URL, "https://sqs.example/q"));
    let broadcast = from_values::<StoreSettings>(values).unwrap().notifications.unwrap().broadcast();
    assert!(broadcast.topic && broadcast.mercure && !broadcast.appsync);
}

#[test]
fn operators_are_left_a_listener() {
    let api = |values: &[(Setting, &'static str)]| {
        let required = [(c::TOKEN_SECRET, SECRET), (c::AUTH, "none")];
        from_values::<ApiSettings>(required.into_iter().chain(values.iter().copied()))
    };
    let listen = (c::ADMIN_LISTEN, "127.0.0.1:8081");
    assert!(!api(&[listen]).unwrap().connections.admin_listen_only);
    assert!(api(&[listen, (c::ADMIN_LISTEN_ONLY, "true")]).unwrap().connections.admin_listen_only);
    let Err(errors) = api(&[(c::ADMIN_LISTEN_ONLY, "true")]) else { panic!() };
    assert_eq!(errors.0.len(), 1, "{errors}");
    assert!(errors.0[0].contains("OFFLOAD_ADMIN_LISTEN is missing"), "{errors}");
}

#[test]
fn the_group_of_a_missing_switch_is_checked_and_left_out() {
    let push = |values: &[(Setting, &'static str)]| from_values::<Option<PushSettings>>(values.iter().copied());
    assert!(push(&[]).unwrap().is_none());
    assert!(push(&[(c::INTERNAL_LISTEN, "nonsense")]).is_err());
    let on = push(&[(c::INTERNAL_SECRET, SECRET), (c::MAX_OPEN_CONNECTIONS, "5")]).unwrap().unwrap();
    assert_eq!(on.max_connections, 5);
}

/// Reads the token's secret, by a flag, a variable, or a file of either.
fn secret(args: &[&str], variables: &[(&str, &str)]) -> Result<String, Vec<String>> {
    let args = ["p", "--auth=none"].iter().chain(args).map(OsString::from);
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let read = parse::<(ApiSettings, NotifierSettings), _>("p", "a program", args, variables, |(_, notifier), _| {
        Some(notifier?.mercure_jwt.map_or_else(String::new, |jwt| jwt.expose().to_owned()))
    });
    match read {
        Ok(secret) => Ok(secret),
        Err(Exit::Invalid(errors)) => Err(errors.0),
        Err(Exit::Help(help)) => Err(vec![help]),
    }
}

#[test]
fn every_secret_can_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (one, other, token) = (path("one", "one\n"), path("other", "other"), path("token", SECRET));
    let (flag, token_flag) = (format!("--mercure-jwt-file={one}"), format!("--token-secret-file={token}"));
    fn of_file(path: &str) -> (&str, &str) {
        ("OFFLOAD_MERCURE_JWT_FILE", path)
    }
    let token_file = ("OFFLOAD_TOKEN_SECRET_FILE", token.as_str());
    assert_eq!(secret(&[], &[token_file, of_file(&one)]).unwrap(), "one");
    assert_eq!(secret(&[&flag, &token_flag], &[]).unwrap(), "one");
    assert_eq!(secret(&[&flag], &[token_file, of_file(&other)]).unwrap(), "one", "a flag wins");
    assert_eq!(secret(&["--mercure-jwt=x"], &[token_file, of_file("/no/such/file")]).unwrap(), "x");
    assert_eq!(secret(&[&flag], &[token_file, ("OFFLOAD_MERCURE_JWT", "x")]).unwrap(), "one");
    assert_eq!(secret(&[], &[token_file, of_file(""), ("OFFLOAD_MERCURE_JWT", "x")]).unwrap(), "x");

    let errors = secret(&[], &[token_file, of_file(&one), ("OFFLOAD_MERCURE_JWT", "x")]).unwrap_err();
    assert_eq!(errors, ["OFFLOAD_MERCURE_JWT and OFFLOAD_MERCURE_JWT_FILE are both set: set one of them"]);
    let errors = secret(&[], &[("OFFLOAD_TOKEN_SECRET_FILE", "/no/such/file")]).unwrap_err();
    assert!(errors.len() == 1 && errors[0].starts_with("OFFLOAD_TOKEN_SECRET_FILE is \"/no/such/file\""), "{errors:?}");
    let warnings = warnings(&[("OFFLOAD_BUCKET_FILE", "x")]);
    assert_eq!(warnings.len(), 1, "only a secret can come from a file: {warnings:?}");
    let short = path("short", "private");
    let errors = secret(&[], &[("OFFLOAD_TOKEN_SECRET_FILE", &short)]).unwrap_err().join("\n");
    assert!(errors.contains("OFFLOAD_TOKEN_SECRET_FILE cannot be used") && !errors.contains("private"), "{errors}");
    let help = secret(&["--help"], &[]).unwrap_err().join("\n");
    for setting in ALL.iter().filter(|s| s.secret && [c::TOKEN_SECRET, c::MERCURE_JWT].contains(s)) {
        assert!(
            Kept::ALL.iter().all(
                |p| help.contains(&setting.variable_of(*p)) && help.contains(&format!("--{}", setting.name_of(*p)))
            )
        );
    }
}

const TOKEN_ARN: &str = "arn:aws:ssm:eu-west-1:123456789012:parameter/offload/token-secret";
const JWT_ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mercure-AbCdEf";

/// The JWT, by a program that reads secrets by their ARNs; and how often it read, and how many.
async fn by_arn(args: &[&str], variables: &[(&str, &str)]) -> (Result<String, Vec<String>>, Vec<usize>) {
    let args = ["p", "--auth=none"].iter().chain(args).map(OsString::from);
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let calls = std::cell::RefCell::new(Vec::new());
    let read = async |arns: &[SecretArn]| {
        calls.borrow_mut().push(arns.len());
        let value = |arn: &SecretArn| match arn.id.as_str() {
            id if id.ends_with("gone") => Err("does not exist".to_owned()),
            id if id.ends_with("short") => Ok("private".to_owned()),
            id => Ok(format!("{SECRET} of {id}")),
        };
        arns.iter().map(value).collect()
    };
    let build = |(_, notifier): (Option<ApiSettings>, Option<NotifierSettings>), _: &mut Errors<'_>| {
        Some(notifier?.mercure_jwt.map_or_else(String::new, |jwt| jwt.expose().to_owned()))
    };
    let read =
        parse_with_arns::<(ApiSettings, NotifierSettings), _>("p", "a program", args, variables, read, build).await;
    let read = read.map_err(|exit| match exit {
        Exit::Invalid(errors) => errors.0,
        Exit::Help(help) => vec![help],
    });
    (read, calls.into_inner())
}

#[tokio::test]
async fn every_secret_can_come_from_aws_in_one_call() {
    let two = format!("{TOKEN_ARN}/2, {TOKEN_ARN}/1");
    let (token, jwt) = (("OFFLOAD_TOKEN_SECRET_ARN", two.as_str()), ("OFFLOAD_MERCURE_JWT_ARN", JWT_ARN));
    let (read, calls) = by_arn(&[], &[token, jwt]).await;
    assert_eq!((read.unwrap(), calls), (format!("{SECRET} of {JWT_ARN}"), vec![3]));
    let (read, calls) = by_arn(&["--mercure-jwt=x"], &[token, jwt]).await;
    assert_eq!((read.unwrap().as_str(), calls), ("x", vec![2]), "a flag wins");
    let (read, calls) = by_arn(&[], &[("OFFLOAD_TOKEN_SECRET", SECRET), ("OFFLOAD_MERCURE_JWT_ARN", "")]).await;
    assert_eq!((read.unwrap().as_str(), calls), ("", vec![]), "AWS is asked for nothing");
}

#[tokio::test]
async fn a_secret_that_aws_does_not_give_is_one_error_that_names_it() {
    let token = ("OFFLOAD_TOKEN_SECRET", SECRET);
    let errors = async |text: &str| by_arn(&[], &[token, ("OFFLOAD_MERCURE_JWT_ARN", text)]).await.0.unwrap_err();
    let gone = format!("{TOKEN_ARN}/gone");
    assert_eq!(errors(&gone).await, [format!("OFFLOAD_MERCURE_JWT_ARN is \"{gone}\", which does not exist")]);
    let wrong = errors("mercure").await.remove(0);
    assert!(wrong.starts_with("OFFLOAD_MERCURE_JWT_ARN is \"mercure\", which is not the ARN of"), "{wrong}");
    let (read, _) = by_arn(&[], &[("OFFLOAD_TOKEN_SECRET_ARN", &format!("{TOKEN_ARN}/short"))]).await;
    let errors = read.unwrap_err().join("\n");
    let start = format!("OFFLOAD_TOKEN_SECRET_ARN ({TOKEN_ARN}/short) cannot be used: ");
    assert!(errors.starts_with(&start) && !errors.contains("private"), "{errors}");
    let (read, _) = by_arn(&[], &[token, ("OFFLOAD_TOKEN_SECRET_ARN", TOKEN_ARN)]).await;
    let both = "OFFLOAD_TOKEN_SECRET and OFFLOAD_TOKEN_SECRET_ARN are both set: set one of them";
    assert_eq!(read.unwrap_err(), [both]);
    let (read, _) = by_arn(&[], &[("OFFLOAD_TOKEN_SECRET_FILE", "/x"), ("OFFLOAD_TOKEN_SECRET_ARN", TOKEN_ARN)]).await;
    assert_eq!(read.unwrap_err().len(), 2, "and the file cannot be read");
    let errors = secret(&[], &[("OFFLOAD_TOKEN_SECRET_ARN", TOKEN_ARN)]).unwrap_err();
    assert!(errors.len() == 1 && errors[0].contains("only offload-api and offload-worker read"), "{errors:?}");
}
