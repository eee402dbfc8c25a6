//! `offload cost`: what a deployment costs on AWS, and what polling an API of one's own would.

mod args;
mod measured;
mod text;

use offload_cost::{Article, Bill, PriceError, PriceList, chart};
use serde_json::json;

use crate::{failure::Failure, output};

pub(crate) use args::CostArgs;

/// Runs the command.
pub(crate) async fn run(args: &CostArgs) -> Result<(), Failure> {
    let list = price_list(args)?;
    if args.article {
        let article = Article::of(&list);
        return if args.json { print_json(&article) } else { output::result(&text::article(&article)) };
    }
    let prices = list.of(&args.region, args.date.as_deref()).map_err(|e| Failure::Usage(e.to_string()))?;
    let scenario = args.scenario();
    scenario.check().map_err(|e| Failure::Usage(format!("--{e}")))?;
    let counted = match &*args.measured {
        [] => None,
        urls => Some(measured::counted(urls, &scenario).await?),
    };
    let bill = Bill::of(scenario, &prices, counted);
    if let Some(file) = &args.svg {
        std::fs::write(file, chart(&bill, &prices))
            .map_err(|e| Failure::Refused(format!("cannot write {}: {e}", file.display())))?;
    }
    if args.json { print_json(&bill) } else { output::result(&text::bill(&bill, args.lines, output::result_paint())) }
}

fn price_list(args: &CostArgs) -> Result<PriceList, Failure> {
    let list = PriceList::built_in();
    let Some(file) = &args.prices else { return Ok(list) };
    let wrong =
        |why: &dyn std::fmt::Display| Failure::Usage(format!("cannot use the prices in {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|e| wrong(&e))?;
    let own = PriceList::parse(&text).map_err(|e: PriceError| wrong(&e))?;
    Ok(list.with(own))
}

fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let value = serde_json::to_value(value).map_err(|e| Failure::Refused(format!("cannot write JSON: {e}")))?;
    output::json(&json!(value).to_string())
}
