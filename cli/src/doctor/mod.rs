//! `offload doctor`: what of a deployment will hurt, why, and how it is mended; and what a running
//! service says is wrong with it ([`running`]).
//!
//! A reader makes a snapshot of facts ([`facts`]): of a Terraform plan, of AWS by calls that only
//! read, or of `offload up`. Checks ([`findings`]) are pure functions of it. What a reader could
//! not see is not taken for good: it is listed as not checked.

mod aws;
mod check;
mod facts;
mod findings;
mod managed_policy;
mod plan;
mod policy;
mod queue_kind;
mod report;
mod running;
mod up;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use offload_stores::{CallPolicy, Connection};
use serde_json::{Value, json};
use url::Url;

use self::{
    check::{Report, Severity, examine},
    facts::Deployment,
};
use crate::{
    admin::{Admin, OperatorArgs},
    client::api_url,
    failure::Failure,
    output,
    stores::StoreArgs,
};

/// The exit codes, which differ from those of the other commands.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  nothing found that is as bad as --fail-on
  1  findings as bad as --fail-on, or worse
  2  wrong usage, or nothing could be checked";

/// The longest that a deployment is read.
const PATIENCE: Duration = Duration::from_secs(300);

/// A plan is a few megabytes.
const PLAN_MAX_BYTES: u64 = 256 << 20;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Check a Terraform plan: a file that `terraform show -json` made, - for standard input
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Check `offload up`: a file with the line that `offload up --json` printed, - for standard
    /// input
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    up: Option<PathBuf>,
    /// Ask a running service what is wrong with it: the URL of its api, or of its listener for
    /// operators
    #[arg(long, value_name = "URL", value_parser = api_url, conflicts_with_all = ["plan", "up", "sarif", "list", "actions"])]
    api: Option<Url>,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    stores: StoreArgs,
    /// Exit with 1 from this severity on
    #[arg(long, value_name = "SEVERITY", default_value = "warning")]
    fail_on: Severity,
    /// Only these findings, separated by commas
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    only: Vec<String>,
    /// All findings but these, separated by commas
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    skip: Vec<String>,
    /// Print JSON
    #[arg(long, conflicts_with = "sarif")]
    json: bool,
    /// Print SARIF 2.1.0, for code scanning
    #[arg(long)]
    sarif: bool,
    /// File of the checkout that findings in SARIF are attached to [default: the plan, or main.tf]
    #[arg(long, value_name = "PATH", requires = "sarif")]
    location: Option<String>,
    /// List all kinds of findings, and check nothing
    #[arg(long)]
    list: bool,
    /// List the actions of IAM that a check of a deployment needs, and check nothing
    #[arg(long)]
    actions: bool,
}

impl DoctorArgs {
    /// Whether a check is one of those that were asked for.
    fn wants(&self, id: &str) -> bool {
        let names = |ids: &[String]| ids.iter().any(|named| named == id);
        (self.only.is_empty() || names(&self.only)) && !names(&self.skip)
    }

    /// That every id which is named is one of these.
    fn check_ids<'a>(&self, known: impl Iterator<Item = &'a str>, listed: &str) -> Result<(), Failure> {
        let known: Vec<&str> = known.collect();
        let unknown = self.only.iter().chain(&self.skip).find(|named| !known.contains(&named.as_str()));
        match unknown {
            Some(id) => Err(Failure::Usage(format!("there is no finding {id}: {listed} lists them"))),
            None => Ok(()),
        }
    }
}

/// Runs the command.
pub(crate) async fn run(args: DoctorArgs) -> Result<(), Failure> {
    if args.list {
        return output::result(&report::list());
    }
    if args.actions {
        return output::result(&aws::ACTIONS.join("\n"));
    }
    let (report, source) = match &args.api {
        Some(api) => {
            let (report, ids) = running::ask(&Admin::of(api, &args.operator)?, |id| args.wants(id)).await?;
            args.check_ids(ids.iter().map(String::as_str), "docs/reference/admin.md")?;
            (report, api.as_str().trim_end_matches('/').to_owned())
        }
        None => {
            args.check_ids(findings::all().map(|check| check.id), "`offload doctor --list`")?;
            let (deployment, source) = match &args.plan {
                Some(path) => (plan::read(&document(path)?).map_err(Failure::Usage)?, path.display().to_string()),
                None => by_calls(&args).await?,
            };
            (examine(&deployment, findings::all().filter(|check| args.wants(check.id))), source)
        }
    };
    if report.findings.is_empty() && report.passed == 0 {
        return Err(Failure::Usage(blind(&report)));
    }
    print(&args, &report, &source)?;
    if report.findings.iter().any(|f| f.severity >= args.fail_on) { Err(Failure::Ended) } else { Ok(()) }
}

/// Reads AWS, or `offload up`.
async fn by_calls(args: &DoctorArgs) -> Result<(Deployment, String), Failure> {
    let (settings, connection, embedded, source) = match &args.up {
        Some(path) => {
            let (settings, endpoints) = up::read(&document(path)?)?;
            let connection = Connection::to(endpoints.clone(), CallPolicy::BACKGROUND).await;
            (settings, connection, Some(endpoints), "offload up".to_owned())
        }
        None => {
            let settings = args.stores.settings("offload doctor")?;
            let source = format!("bucket {}, table {}", settings.bucket, settings.table);
            (settings, Connection::from_environment(CallPolicy::BACKGROUND).await, None, source)
        }
    };
    let stores = connection.stores(&settings).await.map_err(Failure::Usage)?;
    let target = aws::Target { stores: &stores, settings: &settings, embedded };
    let read = tokio::time::timeout(PATIENCE, Box::pin(aws::read(target))).await;
    let late = || Failure::Usage(format!("the deployment was not read within {} s", PATIENCE.as_secs()));
    Ok((read.map_err(|_| late())?.map_err(Failure::Usage)?, source))
}

fn print(args: &DoctorArgs, report: &Report, source: &str) -> Result<(), Failure> {
    if args.sarif {
        let file = args.location.as_deref().or(args.plan.as_deref().and_then(Path::to_str)).unwrap_or("main.tf");
        return output::json(&report::sarif(report, file).to_string());
    }
    if args.json {
        let value = serde_json::to_value(report).unwrap_or_default();
        return output::json(&json!({"source": source, "report": value}).to_string());
    }
    output::result(&report::text(report, source, output::result_paint()))
}

/// What is said where nothing could be checked.
fn blind(report: &Report) -> String {
    let why = report.not_checked.first().map_or("no check was left by --only and --skip", |u| &u.why);
    format!("nothing could be checked: {why}")
}

/// Reads a document of bounded size.
fn document(path: &Path) -> Result<Value, Failure> {
    use std::io::Read as _;

    let unreadable = |e: std::io::Error| Failure::Usage(format!("cannot read {}: {e}", path.display()));
    let mut text = Vec::new();
    let mut take =
        |from: &mut dyn std::io::Read| from.take(PLAN_MAX_BYTES + 1).read_to_end(&mut text).map_err(unreadable);
    if path == Path::new("-") {
        take(&mut std::io::stdin().lock())?;
    } else {
        take(&mut std::fs::File::open(path).map_err(unreadable)?)?;
    }
    if text.len() as u64 > PLAN_MAX_BYTES {
        return Err(Failure::Usage(format!("{} has more than {} MB", path.display(), PLAN_MAX_BYTES >> 20)));
    }
    serde_json::from_slice(&text).map_err(|e| {
        Failure::Usage(format!(
            "{} is not JSON ({e}): `terraform show -json plan` prints a plan as JSON",
            path.display()
        ))
    })
}
