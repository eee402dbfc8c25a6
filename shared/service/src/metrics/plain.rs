//! The older text format of Prometheus, for programs that read no OpenMetrics, such as `promtool`.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::fmt::Write as _;

/// The older format.
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The format that a reader wants by its `Accept`, and the text in it: OpenMetrics, which `text`
/// is, unless it names plain text alone.
#[must_use]
pub fn negotiate(accept: Option<&str>, text: String) -> (&'static str, String) {
    let plain = accept.is_some_and(|a| a.contains("text/plain") && !a.contains("application/openmetrics-text"));
    if plain { (PLAIN, plain_text(&text)) } else { (super::CONTENT_TYPE, text) }
}

/// Counters have their suffix in their names there, and there is no kind `info`.
fn plain_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(rest) = line.strip_prefix("# HELP ") else {
            if !line.starts_with('#') {
                out.push_str(line);
                out.push('\n');
            }
            continue;
        };
        let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
        let kind = lines.peek().and_then(|l| l.strip_prefix("# TYPE ")?.split_once(' ')).map_or("untyped", |(_, k)| k);
        let (suffix, kind) = match kind {
            "counter" => ("_total", "counter"),
            "info" => ("_info", "gauge"),
            other => ("", other),
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = "# HELP orders Orders.\n# TYPE orders counter\norders_total{a=\"b\"} 3\n\
        # HELP build The build.\n# TYPE build info\nbuild_info{version=\"1\"} 1\n\
        # HELP depth Waiting.\n# TYPE depth gauge\ndepth 7\n# EOF\n";

    #[test]
    fn who_wants_plain_text_alone_gets_it() {
        let plain = "# HELP orders_total Orders.\n# TYPE orders_total counter\norders_total{a=\"b\"} 3\n\
            # HELP build_info The build.\n# TYPE build_info gauge\nbuild_info{version=\"1\"} 1\n\
            # HELP depth Waiting.\n# TYPE depth gauge\ndepth 7\n";
        let get = |accept| negotiate(accept, OPEN.to_owned());
        assert_eq!(get(Some("text/plain")), (PLAIN, plain.to_owned()));
        let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for accept in [None, Some("*/*"), Some(prometheus)] {
            assert_eq!(get(accept), (super::super::CONTENT_TYPE, OPEN.to_owned()), "{accept:?}");
        }
    }
}
