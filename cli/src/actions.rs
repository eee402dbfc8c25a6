//! `offload actions`: bulk work on orders, as a resource that a restart does not end.
//!
//! It uses the stores directly, with AWS credentials, and needs no api. An action that is begun
//! here runs here; where this program ends before it does, an api server takes it up.

use clap::{Args, Subcommand, ValueEnum};
use offload_domain::{
    action::{Action, ActionState, ActionVerb, RATE, RATE_MAX, select},
    id::OrderId,
};
use offload_lifecycle::act::{self, LEASE, Preview};
use offload_service::{clock, shutdown};
use offload_stores::{StoredAction, Stores};
use serde_json::json;

use crate::{
    dlq::confirm,
    failure::Failure,
    filter::Filter,
    output,
    render::count,
    stores::{StoreArgs, unreachable},
};

/// Actions of a list.
const LISTED_MAX: i32 = 50;

#[derive(Debug, Args)]
pub(crate) struct ActionsArgs {
    #[command(subcommand)]
    command: ActionsCommand,
    #[command(flatten)]
    stores: StoreArgs,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ActionsCommand {
    /// List the newest actions
    List,
    /// Print how far an action has come
    #[command(name = "show")]
    Describe {
        /// The action
        id: OrderId,
    },
    /// Act on every order that a filter selects, and wait for the end
    Start {
        /// What to do with each order
        verb: Verb,
        #[command(flatten)]
        bulk: BulkArgs,
    },
    /// Abort an action: what it has done stays done
    Abort {
        /// The action
        id: OrderId,
    },
}

/// The words of [`ActionVerb`].
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Verb {
    /// A failed order becomes pending again
    Redrive,
    /// A failed order leaves the list of those that failed
    Purge,
    /// An open order is cancelled
    Cancel,
}

impl From<Verb> for ActionVerb {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Redrive => Self::Redrive,
            Verb::Purge => Self::Purge,
            Verb::Cancel => Self::Cancel,
        }
    }
}

/// How many orders are acted on.
#[derive(Debug, Args)]
pub(crate) struct BulkArgs {
    /// Which orders, such as 'state:dead kind:report age>1h'
    #[arg(long = "where", value_name = "FILTER")]
    filter: Filter,
    #[command(flatten)]
    how: HowArgs,
}

/// How it is done.
#[derive(Debug, Args)]
pub(crate) struct HowArgs {
    /// Dry run: print how many orders it would be, and five of them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Orders a second at most
    #[arg(long, value_name = "NUMBER", default_value_t = RATE, value_parser = clap::value_parser!(u32).range(1..=i64::from(RATE_MAX)))]
    pub(crate) rate: u32,
}

/// Runs the command.
pub(crate) async fn run(args: ActionsArgs) -> Result<(), Failure> {
    let stores = args.stores.connect("offload actions").await?;
    match args.command {
        ActionsCommand::List => list(&stores, args.json).await,
        ActionsCommand::Describe { id } => {
            let stored = stores.orders.action(id).await.map_err(unreachable)?;
            print(&with_abort(stored.ok_or_else(|| unknown(id))?), args.json)
        }
        ActionsCommand::Start { verb, bulk } => start(&stores, verb.into(), &bulk.filter, &bulk.how, args.json).await,
        ActionsCommand::Abort { id } => {
            if !stores.orders.abort_action(id).await.map_err(unreachable)? {
                return Err(unknown(id));
            }
            let stored = stores.orders.action(id).await.map_err(unreachable)?;
            print(&with_abort(stored.ok_or_else(|| unknown(id))?), args.json)
        }
    }
}

fn unknown(id: OrderId) -> Failure {
    Failure::Refused(format!("there is no action {id}"))
}

/// An action, which its row may say is to stop.
fn with_abort(StoredAction { action, abort, .. }: StoredAction) -> Action {
    let state = if abort && action.state == ActionState::Running { ActionState::Aborting } else { action.state };
    Action { state, ..action }
}

async fn list(stores: &Stores, as_json: bool) -> Result<(), Failure> {
    let actions = stores.orders.actions(LISTED_MAX).await.map_err(unreachable)?;
    let actions: Vec<Action> = actions.into_iter().map(with_abort).collect();
    if as_json {
        return output::json(&json!({"actions": actions}).to_string());
    }
    let text: String = actions.iter().map(|action| line(action) + "\n").collect();
    output::result(&(text + &count(actions.len() as u64, "action")))
}

/// Acts on the orders of a filter, after a confirmation, and waits for the end.
pub(crate) async fn start(
    stores: &Stores,
    verb: ActionVerb,
    filter: &Filter,
    how: &HowArgs,
    as_json: bool,
) -> Result<(), Failure> {
    let now = clock::now();
    let query = select(verb, filter.as_str(), None, now).map_err(|e| Failure::Usage(format!("--where: {e}")))?;
    let preview = act::preview(stores, &query, verb, now).await.map_err(unreachable)?;
    let Preview { orders, complete, searched, examples } = preview;
    let examples: Vec<OrderId> = examples.iter().map(|record| record.order.id).collect();
    if how.dry_run {
        let (verb, found) = (verb.as_str(), orders.len());
        if as_json {
            let preview = json!({
                "verb": verb, "filter": filter.as_str(), "count": found, "complete": complete, "searched": searched,
                "examples": examples,
            });
            return output::json(&preview.to_string());
        }
        let text: String = examples.iter().map(|id| format!("{id}  would be the order of a {verb}\n")).collect();
        return output::result(&format!("{text}{} of {searched} searched", count(found as u64, "order")));
    }
    if orders.is_empty() {
        return Err(Failure::Refused(format!("no order matches {}", filter.as_str())));
    }
    if !how.yes {
        confirm(&format!("{} {}?", verb.as_str(), count(orders.len() as u64, "order")))?;
    }
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let action = Action {
        id: OrderId::new(now),
        verb,
        filter: filter.as_str().to_owned(),
        tenant: None,
        state: ActionState::Running,
        by: user.unwrap_or_else(|| "unnamed".to_owned()),
        created_at: now,
        updated_at: now,
        finished_at: None,
        count: orders.len(),
        done: 0,
        failed: 0,
        skipped: 0,
        rate: how.rate,
        revision: 1,
        examples,
        skips: Vec::new(),
        failures: Vec::new(),
    };
    stores.orders.insert_action(&action, &orders, now + LEASE).await.map_err(unreachable)?;
    // The line that an api would have in its log.
    let audit = json!({
        "target": "audit", "message": "bulk action started", "timestamp": now, "action.id": action.id,
        "action.verb": verb.as_str(), "action.filter": action.filter, "action.count": action.count,
        "caller.name": action.by,
    });
    output::message(&audit.to_string());
    let ended = act::run(stores, action, &shutdown::on_signal()).await.map_err(unreachable)?;
    print(&ended, as_json)?;
    match ended.failed {
        0 => Ok(()),
        failed => Err(Failure::Unreachable(format!("{failed} orders could not be acted on; run the command again"))),
    }
}

fn print(action: &Action, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return output::json(&json!(action).to_string());
    }
    let not = action.skips.iter().chain(&action.failures);
    let rest: String = not.map(|order| format!("\n{}  {}", order.id, order.why)).collect();
    output::result(&(line(action) + &rest))
}

fn line(action: &Action) -> String {
    let begun = action.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let Action { id, verb, filter, count, done, skipped, failed, by, .. } = action;
    let state = json!(action.state);
    let state = state.as_str().unwrap_or_default();
    format!(
        "{id}  {begun}  {state}  {} {filter}  {done} of {count} done, {skipped} skipped, {failed} failed  {by}",
        verb.as_str()
    )
}
