"""The alert rules: promtool's unit tests for each, and a real Prometheus beside programs that are
broken on purpose."""

import contextlib
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import http.server
import urllib.parse

from wire import free_port, request, until

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "infra" / "monitoring" / "alerts.yaml"

# Of each alert: series for which it fires, and the labels that it then has beside its own. `+` is a
# counter that grows each minute.
BROKEN = {
    "ProgramDown": ({'up{job="offload-worker",instance="w"}': "0x90"}, {"job": "offload-worker", "instance": "w"}),
    "NoWorkers": ({'queue_messages{lane="normal",state="visible"}': "3x90", "worker_permits": "0x90"}, {}),
    "OldestOrder": ({"oldest_order_seconds": "3700x90"}, {}),
    "OrdersDeadLettered": ({'orders_ended_total{status="failed",reason="attempts-exhausted"}': "0+1x90"}, {}),
    "OrdersFail": ({'orders_ended_total{status="failed",reason="other"}': "0+3x90", 'orders_ended_total{status="completed",reason="completed"}': "0+7x90"}, {}),
    "MessagesUnreadable": ({"unreadable_messages_total": "0+1x90"}, {}),
    "LeasesLost": ({"leases_lost_total": "0+1x90"}, {}),
    "SweeperStopped": ({"last_sweep_timestamp_seconds": "0x90"}, {}),
    "StoresFail": ({'aws_calls_total{job="offload-api",status="500"}': "0+10x90", 'aws_calls_total{job="offload-api",status="200"}': "0+90x90"}, {"job": "offload-api"}),
    "RequestsFail": ({'http_requests_total{route="/order",status="503"}': "0+2x90", 'http_requests_total{route="/order",status="202"}': "0+90x90"}, {}),
    "NotificationsLost": ({'notification_dead_letters_total{channel="webhook"}': "0+1x90"}, {"channel": "webhook"}),
    "CircuitsOpen": ({"open_circuits": "1x90"}, {}),
    "EstimatesWrong": ({'estimates_total{outcome="late"}': "0+6x90", 'estimates_total{outcome="within"}': "0+4x90"}, {}),
    "CredentialsEnd": ({'signing_credentials_left_seconds{job="offload-api"}': "200x90"}, {"job": "offload-api"}),
    "ClockOff": ({'clock_offset_seconds{instance="a"}': "-7x90"}, {"instance": "a"}),
}  # fmt: skip

# Series of a service that works.
CLEAN = {
    'up{job="offload-api",instance="a"}': "1x90",
    'queue_messages{lane="normal",state="visible"}': "3x90",
    "worker_permits": "10x90",
    "oldest_order_seconds": "40x90",
    'orders_ended_total{status="completed",reason="completed"}': "0+90x90",
    'orders_ended_total{status="failed",reason="processing-failed"}': "0+10x90",
    'orders_ended_total{status="failed",reason="attempts-exhausted"}': "0x90",
    "unreadable_messages_total": "0x90",
    "leases_lost_total": "0x90",
    "last_sweep_timestamp_seconds": "0+60x90",
    'aws_calls_total{job="offload-api",status="200"}': "0+1000x90",
    'aws_calls_total{job="offload-api",status="503"}': "0+1x90",
    'http_requests_total{route="/order",status="202"}': "0+1000x90",
    'http_requests_total{route="/order",status="503"}': "0+1x90",
    'notification_dead_letters_total{channel="webhook"}': "0x90",
    "open_circuits": "0x90",
    # A session of an hour, which is renewed five minutes before its end.
    'signing_credentials_left_seconds{job="offload-api"}': "3600-60x54 3600-60x34",
    'estimates_total{outcome="within"}': "0+80x90",
    'estimates_total{outcome="late"}': "0+20x90",
    'clock_offset_seconds{instance="a"}': "0.5x90",
}

# When each is evaluated.
AT = "85m"


def rules():
    """The rules, as promtool and Prometheus read them: YAML, which moto brings a reader of."""
    import yaml

    return yaml.safe_load(RULES.read_text())


def each_alert_fires_when_it_should_and_no_sooner():
    """By promtool, on series that are written down here."""
    alerts = {rule["alert"]: rule for group in rules()["groups"] for rule in group["rules"]}
    assert set(alerts) == set(BROKEN), set(alerts) ^ set(BROKEN)

    def series(of):
        return [{"series": name, "values": values} for name, values in of.items()]

    def expected(name, labels):
        rule = alerts[name]
        filled = lambda text: re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda m: labels[m[1]], text)  # noqa: E731
        annotations = {key: filled(text) for key, text in rule["annotations"].items()}
        return [{"exp_labels": {**rule["labels"], **labels}, "exp_annotations": annotations}]

    def test(name, of, alarms):
        return {
            "name": name, "interval": "1m", "input_series": series(of),
            "alert_rule_test": [{"eval_time": AT, "alertname": n, "exp_alerts": a} for n, a in alarms.items()],
        }  # fmt: skip

    tests = [test("clean", CLEAN, dict.fromkeys(alerts, []))]
    tests += [test(name, of, {name: expected(name, labels)}) for name, (of, labels) in BROKEN.items()]
    for t in tests:
        # Older versions know no names.
        t.pop("name")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tests.yaml"
        path.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
        run = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


def quick():
    """The same rules on a clock of seconds: what waits for minutes fires at once, by what came
    within seconds. What is compared with hours is compared with seconds."""
    text = re.sub(r"^\s+for: .*\n", "", RULES.read_text(), flags=re.M)
    text = re.sub(r"\[\d+[mh]\]", "[15s]", text)
    return text.replace("max(oldest_order_seconds) > 3600", "max(oldest_order_seconds) > 8").replace(
        "max(last_sweep_timestamp_seconds) > 300", "max(last_sweep_timestamp_seconds) > 8"
    )


class Prometheus:
    """A real one, that scrapes every half second."""

    def __init__(self, targets, folder):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        (folder / "rules.yaml").write_text(quick())
        config = {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
            "rule_files": [str(folder / "rules.yaml")],
            "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [t]}]} for job, t in targets.items()],
        }
        (folder / "prometheus.yaml").write_text(json.dumps(config))
        self.log = (folder / "log").open("w+")
        self.program = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=self.log, stderr=self.log,
        )  # fmt: skip
        until("Prometheus is ready", self.ready)

    def ready(self):
        with contextlib.suppress(OSError):
            return request("GET", f"{self.url}/-/ready")[0] == 200

    def get(self, path, **query):
        status, _, body = request("GET", f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}")
        assert status == 200, body
        return json.loads(body)["data"]

    def firing(self):
        return {alert["labels"]["alertname"] for alert in self.get("alerts")["alerts"] if alert["state"] == "firing"}

    def value(self, query):
        result = self.get("query", query=query)["result"]
        return float(result[0]["value"][1]) if result else 0.0

    def stop(self):
        self.program.terminate()
        self.program.wait()
        self.log.close()


@contextlib.contextmanager
def credentials(seconds):
    """What a container gets its credentials from: some that end soon."""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    answer = json.dumps({"AccessKeyId": "compat", "SecretAccessKey": "compat-secret", "Token": "t", "Expiration": end}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def alerts_fire_when_it_breaks_and_are_silent_before(system, targets, moto):
    """`targets` are what Prometheus scrapes, `moto` the process of the servers."""
    if not shutil.which("prometheus"):
        raise AssertionError("prometheus is not installed: apt-get install prometheus")
    with tempfile.TemporaryDirectory() as folder:
        prometheus = Prometheus(targets, pathlib.Path(folder))
        try:
            clean(system, prometheus)
            broken(system, prometheus, moto)
        finally:
            moto.send_signal(signal.SIGCONT)
            prometheus.stop()


def clean(system, prometheus):
    """Orders that end as they should: no alert but those of a later time."""
    until("all is scraped", lambda: prometheus.value("sum(up)") == 2)
    for _ in range(5):
        system.done(system.order())
    until("the sweeper has swept", lambda: prometheus.value("max(last_sweep_timestamp_seconds)") > 0)
    until("ends are scraped", lambda: prometheus.value('sum(orders_ended_total{status="completed"})') >= 5)
    for _ in range(4):
        firing = prometheus.firing()
        assert not firing, f"{firing} fires although nothing is broken"
        system.done(system.order())


def broken(system, prometheus, moto):
    seen = set()

    def fires(*names):
        def all_seen():
            seen.update(prometheus.firing())
            return set(names) <= seen

        try:
            until("alerts fire", all_seen)
        except AssertionError as e:
            raise AssertionError(f"{sorted(set(names) - seen)} did not fire: {e}") from None
        print(f"        fired: {', '.join(names)}", flush=True)

    # A worker that is stopped for a while: what it ends then is late.
    system.worker.send_signal(signal.SIGSTOP)
    receipts = [system.order() for _ in range(30)]
    late = time.monotonic() + max(receipt["eta"]["p90_seconds"] for receipt in receipts) + 1
    until("their time is over", lambda: time.monotonic() > late)
    system.worker.send_signal(signal.SIGCONT)
    fires("EstimatesWrong")
    for receipt in receipts:
        system.done(receipt)

    # Work that fails, with a webhook that nobody answers, and messages that are none.
    dead = f"http://127.0.0.1:{free_port()}/hook"
    system.worker.terminate()
    system.worker.wait()
    failing = json.dumps([sys.executable, "-c", "import sys; sys.exit(75 if 'retry' in sys.stdin.read() else 1)"])
    settings = {
        "OFFLOAD_PROCESSOR": "command", "OFFLOAD_COMMAND": failing, "OFFLOAD_MAX_ATTEMPTS": "2",
        "OFFLOAD_RETRY_BASE_SECONDS": "0", "OFFLOAD_WEBHOOK_RETRY_SECONDS": "0", "OFFLOAD_JOB_SECONDS": None,
    }  # fmt: skip
    receipt = system.order()
    fires("ProgramDown", "NoWorkers")
    system.worker = start(system, settings)
    until("the worker is scraped again", lambda: prometheus.value("sum(up)") == 2)
    system.sqs.send_message(QueueUrl=system.queue, MessageBody="no message of ours")
    for _ in range(3):
        system.order({"kind": "fulfilment", "items": [{"sku": "retry", "quantity": 1}]})
    notified = {"kind": "fulfilment", "items": [{"sku": "A", "quantity": 1}], "options": {"webhook_url": dead}}
    system.order(notified)
    # Alone, for its two attempts open no circuit: of several at once, the first five would, and
    # then none becomes a dead letter for a while.
    fires("NotificationsLost")
    for _ in range(8):
        system.order(notified)
    system.done(receipt)
    fires("OrdersDeadLettered", "OrdersFail", "MessagesUnreadable", "CircuitsOpen")
    system.worker.terminate()
    system.worker.wait()

    # A worker that is stopped in the middle of its work, and another that takes over.
    system.worker = start(system, {})
    until("the worker is scraped again", lambda: prometheus.value("sum(up)") == 2)
    receipt = system.order({"kind": "report", "rows": 10, "delay_ms": 9000})
    until("the worker works", lambda: prometheus.value("sum(orders_running)") == 1)
    system.worker.send_signal(signal.SIGSTOP)
    other = start(system, {"OFFLOAD_WORKER_ADMIN_LISTEN": None})
    try:
        until("another works on it", lambda: system.poll(receipt)[2]["attempt"] == 2)
        system.worker.send_signal(signal.SIGCONT)
        fires("LeasesLost", "OldestOrder")
    finally:
        other.terminate()
        other.wait()

    # Servers that answer nothing.
    moto.send_signal(signal.SIGSTOP)
    for _ in range(3):
        status, _, _ = request("POST", f"{system.api}/order", {"kind": "report", "rows": 1})
        assert status == 503, status
    fires("RequestsFail", "StoresFail", "SweeperStopped")
    moto.send_signal(signal.SIGCONT)

    # Credentials that end soon.
    system.worker.terminate()
    system.worker.wait()
    with credentials(200) as url:
        keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        system.worker = start(system, {**keys, "AWS_CONTAINER_CREDENTIALS_FULL_URI": url})
        report = system.order({"kind": "report", "rows": 3000})
        assert system.done(report)["status"] == "completed"
        fires("CredentialsEnd")

    # A machine whose clock is wrong.
    system.worker.terminate()
    system.worker.wait()
    with tempfile.TemporaryDirectory() as folder:
        shim = pathlib.Path(folder) / "wrong_clock.so"
        subprocess.run(["cc", "-O1", "-fPIC", "-shared", "-o", shim, ROOT / "tests/src/wrong_clock/shim.c"], check=True)
        system.worker = start(system, {"LD_PRELOAD": str(shim), "WRONG_CLOCK_SECONDS": "30"})
        fires("ClockOff")
    assert not set(BROKEN) - seen, set(BROKEN) - seen


def start(system, more):
    command, environment = system.worker_command
    environment = {k: v for k, v in {**environment, **more}.items() if v is not None}
    return subprocess.Popen(command, env=environment)
