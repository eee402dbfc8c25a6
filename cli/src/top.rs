//! `offload top`: the overview and the orders in a terminal, with the console's keys.
//!
//! It reads the admin API, as the console does.

mod state;
mod view;

use std::{
    io::{IsTerminal as _, stdout},
    time::Duration,
};

use clap::Args;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use reqwest::Method;
use url::Url;

use self::state::{Act, Page, State};
use crate::{
    admin::{Admin, OperatorArgs},
    client::DEFAULT_API,
    failure::Failure,
    output,
};

/// Between two reads.
const EVERY: Duration = Duration::from_secs(1);
/// How long a key is waited for.
const KEY_WAIT: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// URL of the api
    #[arg(long, value_name = "URL", default_value = DEFAULT_API)]
    api: Url,
    #[command(flatten)]
    operator: OperatorArgs,
    /// Which orders to list at first
    #[arg(long = "where", value_name = "FILTER", default_value = "state:open")]
    filter: crate::filter::Filter,
    /// Print the figures once, as JSON, and end
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: TopArgs) -> Result<(), Failure> {
    let admin = Admin::of(&args.api, &args.operator)?;
    let counts = admin.ask(Method::GET, "counts", &[]).await.map_err(Failure::Unreachable)?;
    if args.json {
        return output::json(&counts.to_string());
    }
    if !stdout().is_terminal() {
        return Err(Failure::Usage("standard output is no terminal: add --json to print the figures once".to_owned()));
    }
    let mut state = State::new(args.filter.as_str(), counts);
    let mut terminal = ratatui::init();
    let ended = refresh(&admin, &mut state, &mut terminal).await;
    ratatui::restore();
    ended.map_err(|e| Failure::Refused(format!("the terminal cannot be used: {e}")))
}

async fn refresh(admin: &Admin, state: &mut State, terminal: &mut ratatui::DefaultTerminal) -> std::io::Result<()> {
    let mut next_read = tokio::time::Instant::now();
    loop {
        if tokio::time::Instant::now() >= next_read && !state.is_paused() {
            read(admin, state).await;
            next_read = tokio::time::Instant::now() + EVERY;
        }
        terminal.draw(|frame| view::draw(state, frame))?;
        // Keys are read on a thread that may wait.
        let key = tokio::task::spawn_blocking(|| {
            Ok::<_, std::io::Error>(if event::poll(KEY_WAIT)? { Some(event::read()?) } else { None })
        });
        let Ok(key) = key.await else { return Ok(()) };
        let Some(Event::Key(key)) = key? else { continue };
        if key.kind != KeyEventKind::Press {
            continue;
        }
        match state.press(key) {
            Act::None => {}
            Act::Quit => return Ok(()),
            Act::Read => next_read = tokio::time::Instant::now(),
            Act::Do { verb, id } => {
                let done = admin.ask(Method::POST, &format!("orders/{id}/{verb}"), &[]).await;
                state.put_message(match done {
                    Ok(order) => format!("{id} is {}", order["status"].as_str().unwrap_or_default()),
                    Err(why) => why,
                });
                next_read = tokio::time::Instant::now();
            }
        }
    }
}

async fn read(admin: &Admin, state: &mut State) {
    let counts = admin.ask(Method::GET, "counts", &[]).await;
    let page = match state.page() {
        Page::Orders => admin.ask(Method::GET, "orders", &[("q", state.filter()), ("limit", "100")]).await,
        Page::Workers => admin.ask(Method::GET, "workers", &[]).await,
    };
    match (counts, page) {
        (Ok(counts), Ok(page)) => state.update(counts, page),
        (Err(why), _) | (_, Err(why)) => state.put_message(why),
    }
}
