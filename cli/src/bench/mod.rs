//! `offload bench`: a load test of a deployment, which knows its price before it starts and asks.

mod args;
mod figures;
mod load;
mod mix;
mod price;
mod text;

use std::io::{IsTerminal, Write, stderr, stdin};

use offload_cost::PriceList;
use offload_service::shutdown;

use crate::{failure::Failure, output};

pub(crate) use args::BenchArgs;
use figures::Figures;

/// Runs the command.
pub(crate) async fn run(args: &BenchArgs) -> Result<(), Failure> {
    let mix = args.mix()?;
    let prices = PriceList::built_in().of(&args.region, None).map_err(|e| Failure::Usage(e.to_string()))?;
    let expected = price::expected(args, &mix, &prices);
    output::message(&text::plan(args, expected, &prices));
    if !args.yes {
        agreed()?;
    }
    let stop = shutdown::on_signal();
    let load = load::run(args, &mix, &stop).await?;
    let figures = Figures::of(&load);
    let cost = price::measured(args, &mix, &prices, &figures);
    if args.json {
        output::json(&text::json(args, &figures, expected, cost))?;
    } else {
        output::result(&text::report(&figures, cost, &prices))?;
    }
    match figures.ended {
        0 => Err(Failure::Refused("no order has ended".to_owned())),
        _ => Ok(()),
    }
}

/// Asks on the terminal.
///
/// # Errors
/// If the answer is not yes, or there is nobody to answer.
fn agreed() -> Result<(), Failure> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(Failure::Usage("there is no terminal to ask on: --yes goes on without asking".to_owned()));
    }
    // Where standard error is closed nobody reads the question either.
    drop(write!(stderr(), "go on? [y/N] "));
    let mut answer = String::new();
    let read = stdin().read_line(&mut answer);
    read.map_err(|e| Failure::Refused(format!("cannot read the answer: {e}")))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::Refused("nothing was submitted".to_owned())),
    }
}
