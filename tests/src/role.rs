//! What each part of the service may do on AWS: the policies that Terraform gives to its role, for
//! the embedded stack.

use std::sync::LazyLock;

use hcl::{
    Body, Expression, Value,
    eval::{Context, Evaluate, FuncArgs, FuncDef, ParamType},
};
use serde_json::json;

use crate::terraform::{attribute, blocks, folder, local, module, object};

/// The role that functions assume to sign URLs.
pub(crate) const SIGNER_ROLE_ARN: &str = "arn:aws:iam::000000000000:role/signer";
/// Its name.
pub(crate) const SIGNER_ROLE: &str = "signer";

/// A part of the service with a role of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The function behind the HTTP API.
    Api,
    /// The function that works on orders.
    Worker,
    /// The function behind the dead-letter queue.
    DeadLetters,
    /// The function that EventBridge invokes every minute.
    Sweeper,
    /// The function behind the queue of notifications.
    Notifier,
    /// The api as a server, which signs URLs with its own key.
    ApiServer,
    /// The worker as one program: all parts but the api. It signs URLs with its own key, too.
    Container,
}

/// What a role allows to do to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name.
    pub sid: String,
    /// `s3:GetObject` and the like.
    pub actions: Vec<String>,
    /// ARNs, with `*` for any text.
    pub resources: Vec<String>,
}

/// What the resources of a system are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The region.
    pub region: String,
    /// The bucket of status objects and results.
    pub bucket: String,
    /// The order table.
    pub table: String,
    /// The queue of orders.
    pub queue: String,
    /// The queues of urgent orders and of those that may wait.
    pub priority_queues: Vec<String>,
    /// The queue of quiet tenants.
    pub quiet_queue: Option<String>,
    /// Its dead-letter queue.
    pub dead_letter_queue: String,
    /// The queue of notifications.
    pub notifications_queue: String,
    /// Its dead-letter queue.
    pub notifications_dead_letter_queue: String,
    /// The queue of webhooks.
    pub webhooks_queue: String,
    /// The queue of webhooks that are tried again.
    pub webhook_retries_queue: String,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Api, Self::Worker, Self::DeadLetters, Self::Sweeper, Self::Notifier, Self::ApiServer, Self::Container];

    /// Those of functions.
    pub const OF_FUNCTIONS: [Self; 5] = [Self::Api, Self::Worker, Self::DeadLetters, Self::Sweeper, Self::Notifier];

    /// Its name, by which `infra/terraform/modules/worker` knows a part of the worker, and its
    /// access key here.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::DeadLetters => "dead_letters",
            Self::Sweeper => "sweeper",
            Self::Notifier => "notifier",
            Self::ApiServer => "api_server",
            Self::Container => "container",
        }
    }

    /// The program that runs in this role.
    #[must_use]
    pub fn program(self) -> &'static str {
        if matches!(self, Self::Api | Self::ApiServer) { "offload-api" } else { "offload-worker" }
    }

    /// Whether it signs URLs itself; the others assume a role for that.
    #[must_use]
    pub fn signs(self) -> bool {
        matches!(self, Self::ApiServer | Self::Container)
    }

    /// What Terraform allows it with everything switched on, but for the function's own log.
    ///
    /// # Panics
    /// If the Terraform cannot be evaluated.
    #[must_use]
    pub fn statements(self, names: &Names) -> Vec<Statement> {
        static API: LazyLock<Body> = LazyLock::new(|| module("api"));
        static WORKER: LazyLock<Body> = LazyLock::new(|| module("worker"));
        let of_policies = |body: &Body| -> Vec<Statement> {
            let policies = blocks(body, "resource", "aws_iam_role_policy");
            policies.iter().flat_map(|p| evaluated(document(attribute(&p.body, "policy")), names)).collect()
        };
        let of_worker = |part: Self| evaluated(object(local(&WORKER, "statements"), part.name()), names);
        let mut statements = match self {
            Self::Api | Self::ApiServer => of_policies(&API),
            Self::Container => [Self::Worker, Self::DeadLetters, Self::Sweeper, Self::Notifier]
                .into_iter()
                .flat_map(of_worker)
                .collect(),
            part => of_worker(part),
        };
        if self.signs() {
            statements.extend(signer_statements(names));
        }
        statements.retain(|s: &Statement| s.sid != "Log");
        if self == Self::Container {
            // Terraform makes the notifier a function, whose messages Lambda gives back. A program
            // that stops does so itself.
            let received = statements.iter().find(|s| s.sid == "Notifications").cloned();
            statements.extend(received.map(|received| Statement {
                sid: "GiveNotificationsBack".to_owned(),
                actions: vec!["sqs:ChangeMessageVisibility".to_owned()],
                ..received
            }));
        }
        statements
    }

    /// The same as an IAM policy.
    ///
    /// # Panics
    /// If the Terraform cannot be evaluated.
    #[must_use]
    pub fn policy(self, names: &Names) -> String {
        policy(&self.statements(names))
    }
}

/// What the role may do that functions assume to sign URLs.
pub(crate) fn signer_policy(names: &Names) -> String {
    policy(&signer_statements(names))
}

/// Those of its policy that allow; what another denies is about clients elsewhere.
fn signer_statements(names: &Names) -> Vec<Statement> {
    static ROOT: LazyLock<Body> = LazyLock::new(|| folder(""));
    let policies = blocks(&ROOT, "resource", "aws_iam_role_policy");
    let signer = policies.iter().find(|p| p.labels().iter().any(|l| l.as_str() == SIGNER_ROLE));
    evaluated(document(attribute(&signer.expect("the signer's policy").body, "policy")), names)
}

fn policy(statements: &[Statement]) -> String {
    let statement = |s: &Statement| json!({"Effect": "Allow", "Action": s.actions, "Resource": s.resources});
    let statements: Vec<_> = statements.iter().map(statement).collect();
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// The statements within `jsonencode({ Statement = [...] })`.
fn document(policy: &Expression) -> &Expression {
    let Expression::FuncCall(encode) = policy else { panic!("a policy is encoded as JSON: {policy:?}") };
    object(&encode.args[0], "Statement")
}

fn evaluated(statements: &Expression, names: &Names) -> Vec<Statement> {
    let value = statements.evaluate(&context(names)).unwrap_or_else(|e| panic!("{e} in {statements}"));
    value.as_array().expect("statements are a list").iter().map(statement).collect()
}

fn statement(value: &Value) -> Statement {
    let of = |name: &str| value.as_object().and_then(|s| s.get(name)).unwrap_or_else(|| panic!("no {name}: {value}"));
    let texts = |name: &str| match of(name) {
        Value::Array(all) => all.iter().map(text).collect(),
        one => vec![text(one)],
    };
    assert_eq!(text(of("Effect")), "Allow", "{value}");
    Statement { sid: text(of("Sid")), actions: texts("Action"), resources: texts("Resource") }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The variables of the modules as this system has them, and a deployment with all of push.
fn context(names: &Names) -> Context<'static> {
    let queue = |name: &str| format!("arn:aws:sqs:{}:000000000000:{name}", names.region);
    let mut queues: Vec<Value> =
        [&names.queue].into_iter().chain(&names.priority_queues).map(|name| queue(name).into()).collect();
    let sent_again = queues.clone();
    queues.extend(names.quiet_queue.iter().map(|name| Value::from(queue(name))));
    let table = format!("arn:aws:dynamodb:{}:000000000000:table/{}", names.region, names.table);
    let mut context = Context::new();
    context.declare_var(
        "var",
        hcl::value!({
            table_arn = (table.clone())
            bucket_arn = (format!("arn:aws:s3:::{}", names.bucket))
            queue_arn = (queue(&names.queue))
            dead_letter_queue_arn = (queue(&names.dead_letter_queue))
            signer_role_arn = SIGNER_ROLE_ARN
            push = {
                notifications_queue_arn = (queue(&names.notifications_queue))
                notifications_dead_letter_queue_arn = (queue(&names.notifications_dead_letter_queue))
                webhooks_queue_arn = (queue(&names.webhooks_queue))
                webhook_retries_queue_arn = (queue(&names.webhook_retries_queue))
                connections_arn = "arn:aws:execute-api:us-east-1:000000000000:push/*"
                table_stream_arn = (format!("{table}/stream/all"))
                stream_failures_arn = (queue("stream-failures"))
            }
        }),
    );
    context.declare_var("local", hcl::value!({ queue_arns = (queues), priority_queue_arns = (sent_again) }));
    let bucket_arn = format!("arn:aws:s3:::{}", names.bucket);
    context.declare_var("module", hcl::value!({ status_store = { bucket_arn = bucket_arn } }));
    context.declare_var("aws_cloudwatch_log_group", hcl::value!({ this = { arn = "log" } }));
    context.declare_func("flatten", FuncDef::builder().param(ParamType::Any).build(flatten));
    context
}

fn flatten(args: FuncArgs) -> Result<Value, String> {
    fn into(value: Value, flat: &mut Vec<Value>) {
        match value {
            Value::Array(all) => all.into_iter().for_each(|inner| into(inner, flat)),
            one => flat.push(one),
        }
    }
    let mut flat = Vec::new();
    args.into_values().into_iter().for_each(|value| into(value, &mut flat));
    Ok(Value::Array(flat))
}
