//! Who gets into the console, and how it is served.

use offload_service::settings::catalogue as c;
use offload_tests::{Process, Response, Setup, orders::fulfilment};
use reqwest::Method;
use serde_json::json;

use super::admin::{KEY, setup};

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_a_session_which_writes_from_its_own_pages_alone() {
    let system = Setup { workers: 0, ..setup() }.with(c::ENVIRONMENT, "staging").start().await;
    let session = || system.request(Method::GET, "/admin/session");
    assert_eq!(system.send(session()).await.problem(), "credentials-missing");
    let open = |key: &str| system.send(system.request(Method::POST, "/admin/session").json(&json!({"key": key})));
    let refused = open("not the key").await;
    assert_eq!((refused.status, refused.problem()), (401, "credentials-invalid".to_owned()));
    assert!(!refused.text.contains("not the key"));
    let opened = open(KEY).await;
    assert_eq!(opened.status, 200, "{}", opened.text);
    let cookie = opened.header("set-cookie").to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"), "{cookie}");
    assert!(!cookie.contains(KEY) && !opened.text.contains(KEY));
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let with = |method: Method, path: &str, site: Option<&str>| {
        let request = system.request(method, path).header("cookie", &cookie);
        match site {
            Some(site) => request.header("sec-fetch-site", site),
            None => request,
        }
    };
    let session = system.send(with(Method::GET, "/admin/session", Some("same-origin"))).await.json();
    assert_eq!(
        (&session["by"], &session["tenant"], &session["service"]["environment"]),
        (&json!("cookie"), &json!(null), &json!("staging"))
    );
    assert!(session["service"]["statuses"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{session}");
    for (method, site, status) in [
        (Method::GET, None, 200),
        (Method::GET, Some("cross-site"), 403),
        (Method::POST, Some("same-origin"), 422),
        (Method::POST, None, 403),
        (Method::POST, Some("same-site"), 403),
    ] {
        let request = with(method.clone(), "/admin/actions", site).json(&json!({"verb": "cancel", "filter": ""}));
        assert_eq!(system.send(request).await.status, status, "{method} {site:?}");
    }
    let closed = system.send(with(Method::DELETE, "/admin/session", Some("same-origin"))).await;
    assert_eq!((closed.status, closed.header("set-cookie").contains("Max-Age=0")), (204, true));
    let forged = system.request(Method::GET, "/admin/session").header("cookie", "offload_console=v1.AAAA");
    assert_eq!(system.send(forged).await.problem(), "credentials-invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_console_its_routes_are_not_there() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    for path in [
        "/admin/session",
        "/admin/counts",
        "/admin/cost",
        "/admin/doctor",
        "/admin/workers",
        "/admin/actions",
        "/admin/events",
        "/",
    ] {
        let answer = system.send(system.request(Method::GET, path).header("accept", HTML)).await;
        assert_eq!((answer.status, answer.problem()), (404, "not-found".to_owned()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_decide_what_a_caller_sees_and_does() {
    let setup = Setup { workers: 0, ..Setup::default() }.with(c::AUTH, "header").with(c::AUTH_HEADER, "x-caller");
    let system = setup.start().await;
    let action = json!({"verb": "cancel", "filter": "kind:report", "dry_run": true});
    for (roles, orders, counts, act) in
        [("submit", 403, 403, 403), ("view", 200, 403, 403), ("operate", 200, 403, 200), ("admin", 200, 200, 200)]
    {
        let caller = format!("tenant=shop; roles={roles}");
        let ask = |method, path| system.request(method, path).header("x-caller", &caller);
        assert_eq!(system.send(ask(Method::GET, "/admin/orders?q=state:open")).await.status, orders, "{roles}");
        assert_eq!(system.send(ask(Method::GET, "/admin/counts")).await.status, counts, "{roles}");
        assert_eq!(system.send(ask(Method::GET, "/admin/cost")).await.status, counts, "{roles}");
        assert_eq!(system.send(ask(Method::GET, "/admin/doctor")).await.status, counts, "{roles}");
        assert_eq!(system.send(ask(Method::POST, "/admin/actions").json(&action)).await.status, act, "{roles}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn up_serves_an_open_console_to_its_own_machine() {
    let args = ["up", "--json", "--api=127.0.0.1:0", "--s3=127.0.0.1:0", "--sqs=127.0.0.1:0", "--dynamodb=127.0.0.1:0"];
    let mut up = Process::start("offload", &args, &[]);
    let ready = up.ready();
    let api = ready["api"].as_str().unwrap().to_owned();
    assert_eq!(ready["console"], format!("{api}/"));
    let http = reqwest::Client::new();
    let page = Response::of(http.get(format!("{api}/")).header("accept", HTML).send().await.unwrap()).await;
    assert_eq!((page.status, page.text.contains("<base href=\"./\">")), (200, true));
    let session = http.get(format!("{api}/admin/session"));
    let session = Response::of(session.send().await.unwrap()).await.json();
    assert_eq!((&session["by"], &session["service"]["environment"]), (&json!("open"), &json!("local")));
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("origin", "http://localhost:3000"), ("host", "evil.example")]
    {
        let refused = http.get(format!("{api}/admin/orders")).header(name, value).send().await.unwrap();
        assert!([403, 421].contains(&refused.status().as_u16()), "{name}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_an_open_console_submit_orders_wherever_they_are_served() {
    let args = [
        "up",
        "--json",
        "--api=127.0.0.1:0",
        "--s3=127.0.0.1:0",
        "--sqs=127.0.0.1:0",
        "--dynamodb=127.0.0.1:0",
        "--admin=127.0.0.1:0",
    ];
    let http = reqwest::Client::new();
    // Where callers are known the console is off, unless it is asked for by name.
    for (variables, needs_credentials) in
        [(&[][..], false), (&[("OFFLOAD_AUTH", "keys"), ("OFFLOAD_CONSOLE", "on")], true)]
    {
        let mut up = Process::start("offload", &args, variables);
        let ready = up.ready();
        let (api, admin) = (ready["api"].as_str().unwrap(), ready["admin"].as_str().unwrap());
        for (to, serves_clients) in [(api, true), (admin, false)] {
            let session = http.get(format!("{to}/admin/session")).send().await.unwrap();
            let session = Response::of(session).await.json();
            let service = &session["service"];
            assert_eq!(
                (&session["by"], &service["orders_need_credentials"], &service["has_push"]),
                (&json!("open"), &json!(false), &json!(serves_clients)),
                "{to}"
            );
            let submit = async |headers: &[(&str, &str)]| {
                let request = http.post(format!("{to}/order")).json(&fulfilment());
                let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
                Response::of(request.send().await.unwrap()).await
            };
            assert_eq!(submit(&[("sec-fetch-site", "same-origin")]).await.status, 202, "{to}");
            // A browser of before, which says by Origin alone whose page it is.
            assert_eq!(submit(&[("origin", to)]).await.status, 202, "{to}");
            for stranger in [&[][..], &[("sec-fetch-site", "cross-site")], &[("origin", "http://localhost:1")]] {
                let answer = submit(stranger).await;
                let refused = needs_credentials || !serves_clients;
                assert_eq!(answer.status, if refused { 401 } else { 202 }, "{to} {stranger:?}: {}", answer.text);
            }
        }
    }
}
