//! A worker in a container of ECS keeps its task from being stopped while long work runs.

use std::{
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::put};
use offload_service::settings::catalogue as c;
use offload_tests::{Poller, Role, Setup, System, eventually, orders::fulfilment, program};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The agent of ECS.
#[derive(Default)]
struct Agent {
    asked: Mutex<Vec<Value>>,
    /// Whether it refuses, as where the task's role may not.
    refuses: bool,
}

async fn agent(refuses: bool) -> (String, Arc<Agent>) {
    let agent = Arc::new(Agent { refuses, ..Agent::default() });
    let router = Router::new().route("/api/task/task-protection/v1/state", put(protect)).with_state(Arc::clone(&agent));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/task", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, agent)
}

async fn protect(State(agent): State<Arc<Agent>>, body: String) -> impl IntoResponse {
    let asked: Value = serde_json::from_str(&body).unwrap();
    agent.asked.lock().unwrap().push(asked.clone());
    if agent.refuses {
        let error = json!({"error": {"Code": "AccessDeniedException", "Message": "not authorized"}});
        return (StatusCode::BAD_REQUEST, error.to_string());
    }
    let protection = json!({"ProtectionEnabled": asked["ProtectionEnabled"], "TaskArn": "arn:aws:ecs:task"});
    (StatusCode::OK, json!({"protection": protection}).to_string())
}

/// A worker in a container, with a second of grace and work of so many seconds.
struct Worker(Child);

impl Worker {
    fn start(system: &System, agent: &str, seconds: &str, log: std::fs::File) -> Self {
        let mut command = Command::new(program("offload-worker"));
        command.env_clear().envs(system.variables_of(Role::Container));
        command.env("ECS_AGENT_URI", agent).env("OFFLOAD_JOB_SECONDS", seconds);
        command.env("OFFLOAD_SHUTDOWN_GRACE_SECONDS", "1").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn system() -> System {
    Setup { workers: 0, ..Setup::default() }.with(c::VISIBILITY_SECONDS, 5).start().await
}

async fn until_done(system: &System) {
    let receipt = system.order(&fulfilment()).await;
    let done = Poller::default().until_done(&system.http, &receipt.status_url).await;
    assert_eq!(done["status"], "completed", "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_protected_while_an_order_outlasts_the_grace_period() {
    let system = system().await;
    let (url, agent) = agent(false).await;
    let log = tempfile::tempfile().unwrap();
    let short = Worker::start(&system, &url, "0.1", log.try_clone().unwrap());
    for _ in 0..10 {
        until_done(&system).await;
    }
    drop(short);
    assert_eq!(*agent.asked.lock().unwrap(), [] as [Value; 0], "ECS may stop a task between short orders");

    let _long = Worker::start(&system, &url, "4", log);
    until_done(&system).await;
    let protect = json!({"ProtectionEnabled": true, "ExpiresInMinutes": 10});
    assert_eq!(*agent.asked.lock().unwrap().first().unwrap(), protect);
    eventually("it is given back", async || {
        (*agent.asked.lock().unwrap() == [protect.clone(), json!({"ProtectionEnabled": false})]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_refuses_costs_one_warning_and_no_order() {
    let system = system().await;
    let (url, agent) = agent(true).await;
    let log = tempfile::NamedTempFile::new().unwrap();
    let _worker = Worker::start(&system, &url, "3", log.reopen().unwrap());
    until_done(&system).await;
    assert_eq!(agent.asked.lock().unwrap().len(), 1, "it is not asked all the time");
    let text = std::fs::read_to_string(log.path()).unwrap();
    let warnings: Vec<&str> = text.lines().filter(|line| line.contains("agent of ECS")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("AccessDeniedException not authorized"), "{text}");
}
