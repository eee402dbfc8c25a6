"""What /metrics answers, against promtool, the reference, the dashboard and the alert rules."""

import json
import pathlib
import re
import subprocess
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
MONITORING = ROOT / "infra" / "monitoring"

# Words of PromQL that are neither functions, which have a parenthesis, nor metrics.
WORDS = {"by", "and", "or", "unless", "on", "ignoring"}
# Made by Prometheus itself.
OF_PROMETHEUS = {"up"}


def scrape(url, accept="application/openmetrics-text"):
    with urllib.request.urlopen(urllib.request.Request(url, headers={"accept": accept}), timeout=10) as response:
        return response.headers["content-type"], response.read().decode()


def families(text):
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, flags=re.M))


def names(texts):
    """Every name that PromQL may use."""
    suffixes = {"counter": ["_total"], "gauge": [""], "info": ["_info"], "histogram": ["_bucket", "_sum", "_count"]}
    return {name + suffix for text in texts for name, kind in families(text).items() for suffix in suffixes[kind]}


def used(expression):
    """The metrics that an expression names."""
    plain = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|ignoring|without) *\([^)]*\)', " ", expression)
    plain = re.sub(r"\{[^}]*\}", " ", plain)
    return {w for w in re.findall(r"[a-zA-Z_]\w*(?! *\()\b", plain) if w not in WORDS and not re.search(rf"\b{w} *\(", plain)}


def promtool_accepts_the_scrapes(urls):
    for url in urls:
        content_type, text = scrape(url, "text/plain")
        assert content_type.startswith("text/plain; version=0.0.4"), content_type
        run = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{url}: {run.stdout}{run.stderr}"
        content_type, text = scrape(url)
        assert content_type.startswith("application/openmetrics-text") and text.endswith("# EOF\n"), content_type


def the_rules_are_accepted():
    run = subprocess.run(["promtool", "check", "rules", MONITORING / "alerts.yaml"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def every_metric_of_dashboard_and_rules_exists(urls):
    import yaml

    there = names([scrape(url)[1] for url in urls]) | OF_PROMETHEUS
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    expressions = [t["expr"] for panel in dashboard["panels"] for t in panel["targets"]]
    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    expressions += [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    for expression in expressions:
        found = used(expression)
        assert found, f"no metric is found in {expression}"
        assert found <= there, f"{found - there} of {expression} is in no scrape"


def the_reference_has_exactly_the_metrics(api, worker):
    reference = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    tables = re.split(r"^## ", reference, flags=re.M)
    for heading, url in (("The api", api), ("The worker", worker)):
        section = next(part for part in tables if part.startswith(heading))
        rows = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section, flags=re.M))
        found = families(scrape(url)[1])
        assert rows == found, {name: (rows.get(name), found.get(name)) for name in rows.keys() ^ found.keys() or rows}


def every_alert_links_to_the_runbook():
    import yaml

    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            path, anchor = rule["annotations"]["runbook_url"].split("#")
            text = (ROOT / path).read_text()
            headings = re.findall(r"^#+ (.*)$", text, flags=re.M)
            anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in anchors, f"{rule['alert']} links to #{anchor}, which {path} does not have"
            section = re.split(r"^## ", text, flags=re.M)
            assert any(f"`{rule['alert']}`" in part for part in section), f"{path} does not name {rule['alert']}"
