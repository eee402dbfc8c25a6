//! What `cost` prints for people. Pure.

use std::fmt::Write;

use offload_cost::{Article, ArticleLine, Bill, Counted, CountedBy, Line, MONTH_SECONDS, WayName, dollars};

use crate::paint::Paint;

/// The columns of text before an amount.
const WIDTH: usize = 66;

pub(super) fn bill(bill: &Bill, lines: bool, paint: Paint) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_bill(&mut out, bill, lines, paint);
    out
}

fn write_bill(out: &mut String, bill: &Bill, lines: bool, paint: Paint) -> std::fmt::Result {
    let scenario = &bill.scenario;
    let (oldest, newest) = &bill.prices_dated;
    let dated = if oldest == newest { newest.clone() } else { format!("{oldest} to {newest}") };
    let orders = count(scenario.orders);
    writeln!(
        out,
        "{orders} orders a month, each worked on for {} s; {}, prices of {dated}",
        scenario.run_seconds, bill.region
    )?;
    let a_second = scenario.orders / MONTH_SECONDS;
    let order = format!(
        "an order: {:.2} PUTs, {:.2} polls by the schedule, {:.2} SQS requests, {:.2} write units, {:.2} read units; {} a second",
        bill.calls.puts,
        bill.calls.gets,
        bill.calls.sqs,
        bill.calls.row_units + bill.calls.index_units,
        bill.calls.read_units,
        if a_second < 0.1 { "less than 0.1".to_owned() } else { format!("{a_second:.1}") },
    );
    writeln!(out, "{}", wrapped(&order, ""))?;
    if let Some(counted) = &bill.counted {
        measured(out, bill, counted)?;
    }

    heading(out, "How clients learn of the end: what differs", "a month", "a million orders", paint)?;
    for way in &bill.ways {
        let polls = match way.name {
            WayName::TypicalApi | WayName::RestApi | WayName::LeanApi | WayName::PlainS3 => Some(scenario.polls),
            WayName::Schedule => Some(bill.calls.gets),
            WayName::Websocket | WayName::Sse | WayName::Webhook => None,
        };
        let text = way.name.text();
        let text = polls.map_or_else(|| text.to_owned(), |polls| format!("{text}, {} x", short(polls)));
        amount(out, &text, way.dollars, scenario.orders)?;
        if lines {
            list(out, &way.lines, scenario.orders)?;
        }
    }

    heading(out, "This service, line by line", "a month", "a million orders", paint)?;
    list(out, &bill.service, scenario.orders)?;
    list(out, &bill.idle, scenario.orders)?;
    amount(out, "all", bill.dollars, scenario.orders)?;

    heading(out, "It is cheaper than", "from so many polls an order", "beside S3 by an interval", paint)?;
    for even in &bill.break_even {
        let text = |polls: Option<f64>| polls.map_or_else(|| "never".to_owned(), |polls| format!("{polls:.1}"));
        writeln!(out, "  {:w$}{:>27}{:>26}", even.api.short(), text(even.polls), text(even.polls_of_both), w = 35)?;
    }
    writeln!(out, "\n{}", wrapped(&bill.advice, ""))?;
    writeln!(out, "\n{}", paint.bold("Left out"))?;
    for what in &bill.left_out {
        writeln!(out, "{}", wrapped(what, "  "))?;
    }
    Ok(())
}

fn measured(out: &mut String, bill: &Bill, counted: &Counted) -> std::fmt::Result {
    if counted.by == CountedBy::Programs {
        writeln!(out, "polls, inserts and reads are the model's, since api and workers do not count them;")?;
    }
    writeln!(
        out,
        "these were counted: {} orders, and {:.2} more calls an order that are made by time",
        count(counted.orders),
        counted.by_time / counted.orders
    )?;
    for compared in &bill.comparison {
        writeln!(
            out,
            "  {:9} model {:>12}, counted {:>12} a month: {:+.1} %",
            compared.service,
            dollars(compared.model),
            dollars(compared.counted),
            100.0 * compared.difference()
        )?;
    }
    Ok(())
}

fn heading(out: &mut String, what: &str, first: &str, second: &str, paint: Paint) -> std::fmt::Result {
    let gap = (WIDTH + 14 + 18_usize).saturating_sub(what.chars().count() + second.chars().count());
    let (left, right) = (gap.saturating_sub(first.chars().count() + 2), 2);
    writeln!(out, "\n{}{}{first}{}{second}", paint.bold(what), " ".repeat(left.max(1)), " ".repeat(right))
}

fn amount(out: &mut String, what: &str, amount: f64, orders: f64) -> std::fmt::Result {
    let width = WIDTH - 2;
    writeln!(out, "  {what:width$}{:>14}{:>18}", dollars(amount), dollars(1e6 * amount / orders))
}

fn list(out: &mut String, lines: &[Line], orders: f64) -> std::fmt::Result {
    for line in lines.iter().filter(|line| line.quantity > 0.0) {
        let width = WIDTH - 4;
        let what = format!("{}: {}", line.what, quantity(line));
        writeln!(out, "    {what:width$}{:>14}{:>18}", dollars(line.dollars), dollars(1e6 * line.dollars / orders))?;
    }
    Ok(())
}

/// How much of what.
fn quantity(line: &Line) -> String {
    let plural = if line.unit == "GB" { "" } else { "s" };
    format!("{} {}{plural}", count(line.quantity), line.unit)
}

/// A number in three digits or more.
fn count(value: f64) -> String {
    match value {
        1e9.. => format!("{} billion", short(value / 1e9)),
        1e6.. => format!("{} million", short(value / 1e6)),
        1e3.. => dollars(value).trim_start_matches('$').to_owned(),
        100.0.. => format!("{value:.0}"),
        _ => short(value),
    }
}

/// Two decimals, without those that are 0.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text in lines of a hundred columns.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is one");
        if last.chars().count() + 1 + word.chars().count() > 100 {
            lines.push(format!("{indent}{word}"));
        } else {
            if last.as_str() != indent {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines.join("\n")
}

/// The article's table.
pub(super) fn article(article: &Article) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_article(&mut out, article);
    out
}

fn write_article(out: &mut String, article: &Article) -> std::fmt::Result {
    writeln!(out, "The article: 100,000 orders in Ireland in 2021, each polled ten times, in USD")?;
    for (title, lines) in [("Polling an API", &article.api), ("Polling S3", &article.s3)] {
        writeln!(out, "\n{title}")?;
        for line in lines {
            article_line(out, line)?;
        }
        let total = usd(Article::total(lines));
        writeln!(out, "  {:80}{total:>8}", "the sum of the rounded lines")?;
        writeln!(out, "  {:80}{:>8.4}", "the same before rounding", Article::exact(lines))?;
    }
    writeln!(out, "\nLeft out")?;
    article_line(out, &article.overwrite)?;
    writeln!(out, "  {:80}{:>8}", "polling S3, with that", usd(Article::total(&article.s3) + article.overwrite.cents))?;
    article_line(out, &article.egress)?;
    for what in &article.left_out {
        writeln!(out, "{}", wrapped(what, "  "))?;
    }
    Ok(())
}

fn article_line(out: &mut String, line: &ArticleLine) -> std::fmt::Result {
    let what = format!("{}: {}", line.what, line.how);
    writeln!(out, "  {what:80}{:>8}", usd(line.cents))
}

fn usd(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_or_more() {
        for (value, text) in [
            (1e9, "1 billion"),
            (2.5e6, "2.5 million"),
            (650_000.0, "650,000"),
            (1_000.0, "1,000"),
            (999.4, "999"),
            (730.0, "730"),
            (2.42, "2.42"),
            (0.5, "0.5"),
        ] {
            assert_eq!(count(value), text);
        }
    }

    #[test]
    fn text_is_wrapped_between_words() {
        let text = "word ".repeat(50);
        assert!(
            wrapped(text.trim(), "  ").lines().all(|line| line.chars().count() <= 100 && line.starts_with("  word"))
        );
    }
}
