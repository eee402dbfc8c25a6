//! What makes a value of a setting's text.
//!
//! A parser gives the value, or the end of a sentence that begins with `OFFLOAD_… is "…", which`.

use std::{
    fmt::Display,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use ipnet::IpNet;
use url::Url;

const SECONDS_PER_DAY: u64 = 86_400;

/// Any text.
pub(super) fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// A number within bounds.
pub(super) fn number<T>(bounds: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String>
where
    T: FromStr<Err: Display> + PartialOrd + Display,
{
    move |text| {
        let number = text.parse().map_err(|e| format!("is not a number: {e}"))?;
        if bounds.contains(&number) {
            return Ok(number);
        }
        Err(format!("is not between {} and {}", bounds.start(), bounds.end()))
    }
}

/// The most that there may be, up to a bound; `None` for no limit, written as `none` or `0`.
pub(super) fn limit(max: u32) -> impl Fn(&str) -> Result<Option<u32>, String> {
    move |text| match text {
        "none" | "0" => Ok(None),
        text => number(1..=max)(text).map(Some).map_err(|e| format!("{e}; \"none\" is no limit")),
    }
}

/// Networks, separated by commas; an address is a network of one.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |text: &str| {
        let net = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map_err(|_| format!("has \"{text}\", which is not a network such as 10.0.0.0/16"))
    };
    text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(network).collect()
}

/// A time in seconds, fractions allowed, within bounds.
pub(super) fn seconds(bounds: RangeInclusive<f64>) -> impl Fn(&str) -> Result<Duration, String> {
    let number = number(bounds);
    move |text| number(text).map(Duration::from_secs_f64)
}

/// A time in whole milliseconds, within bounds.
pub(super) fn milliseconds(bounds: RangeInclusive<u64>) -> impl Fn(&str) -> Result<Duration, String> {
    let number = number(bounds);
    move |text| number(text).map(Duration::from_millis)
}

/// A time in whole days, within bounds.
pub(super) fn days(bounds: RangeInclusive<u64>) -> impl Fn(&str) -> Result<Duration, String> {
    let number = number(bounds);
    move |text| number(text).map(|days| Duration::from_secs(SECONDS_PER_DAY * days))
}

/// One of a few words.
pub(super) fn one_of<T: Copy>(choices: &[(&str, T)]) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let chosen = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        chosen.ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            format!("is not one of {}", words.join(", "))
        })
    }
}

/// `true` or `false`.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    one_of(&[("true", true), ("false", false)])(text)
}

/// An absolute URL.
pub(super) fn http_url(text: &str) -> Result<Url, String> {
    url(text, ["http", "https"])
}

/// An absolute URL of a WebSocket.
pub(super) fn websocket_url(text: &str) -> Result<Url, String> {
    url(text, ["ws", "wss"])
}

fn url(text: &str, schemes: [&str; 2]) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| schemes.contains(&url.scheme()) && url.host().is_some());
    url.ok_or_else(|| format!("is not an {} URL", schemes.join(" or ")))
}

/// An address and port to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "is not an address and port, such as 0.0.0.0:8080".to_owned())
}

/// What a function of the domain makes of the text.
pub(super) fn usable<T, E: Display>(parse: impl Fn(&str) -> Result<T, E>) -> impl Fn(&str) -> Result<T, String> {
    move |text| parse(text).map_err(|e| format!("cannot be used: {e}"))
}
