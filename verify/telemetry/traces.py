"""The trace of one order over client, api, worker, program and webhook; and that none is lost."""

import json
import secrets
import subprocess
import sys
import time

from system import System
from wire import PATIENCE, free_port, recorder, request, until

PROGRAM = """
import json, os, pathlib, sys
json.load(sys.stdin)
failed = pathlib.Path(__file__).with_suffix(".failed")
if not failed.exists():
    failed.touch()
    sys.exit(75)
print(json.dumps({"result": f"{os.environ['TRACEPARENT']} {os.environ.get('TRACESTATE')}"}))
"""


def program(folder):
    """A program that fails once, and then gives the trace context that it was given."""
    path = folder / "program.py"
    path.write_text(PROGRAM)
    return json.dumps([sys.executable, str(path)])


def tree(spans, client):
    """The spans as a tree, the earliest first."""
    begun = min(s.start for s in spans)
    lines = [f"client {client}"]

    def below(parent, indent):
        for s in sorted((s for s in spans if s.parent == parent), key=lambda s: s.start):
            after, took = (s.start - begun) / 1e6, (s.end - s.start) / 1e6
            links = "".join(f" -> {span}" for _, span in s.links)
            lines.append(f"{indent}{s.name} [{s.kind}, {s.service}] +{after:.1f} ms, {took:.1f} ms{links and ' linked' + links}")
            below(s.id, indent + "  ")

    below(client, "  ")
    return "\n".join(lines)


def the_trace_of_an_order_is_one(system, collector):
    trace, client = secrets.token_hex(16), secrets.token_hex(8)
    with recorder() as webhook:
        order = {"kind": "fulfilment", "items": [{"sku": "A", "quantity": 1}], "options": {"webhook_url": webhook.url + "/hook"}}
        receipt = system.order(order, traceparent=f"00-{trace}-{client}-01", tracestate="shop=1")
        status = system.done(receipt)
        until("the webhook is called", lambda: any(json.loads(c.body)["data"]["done"] for c in webhook.calls))
        calls = [c.headers["traceparent"] for c in webhook.calls]
        states = {c.headers["tracestate"] for c in webhook.calls}
        bodies = [json.loads(c.body)["data"]["done"] for c in webhook.calls]
    assert status["status"] == "completed", status
    assert states == {"shop=1"} and status["result"].endswith(" shop=1"), (states, status)
    final = calls[bodies.index(True)]
    expected = {"POST /order", "work", "process order", "deliver webhook", "POST"}
    ended = lambda: expected <= {s.name for s in collector.spans() if s.trace == trace} and final.split("-")[2] in {s.id for s in collector.spans()}  # noqa: E731
    until("the spans are sent", ended)
    until("the last span is sent", lambda: {s.parent for s in mine(collector, trace)} <= {client, *(s.id for s in mine(collector, trace))})
    spans = mine(collector, trace)
    by_id = {s.id: s for s in spans}
    print(tree(spans, client), flush=True)

    def above(span):
        while span.parent in by_id:
            span = by_id[span.parent]
            yield span

    def one(name, **attributes):
        found = [s for s in spans if s.name == name and attributes.items() <= s.attributes.items()]
        assert len(found) == 1, (name, attributes, found)
        return found[0]

    root = one("POST /order")
    assert root.parent == client and [s for s in spans if s.parent == client] == [root], "one root, of the client"
    assert root.kind == "server" and root.attributes["http.response.status_code"] == 202, root
    for s in spans:
        assert s.parent == client or s.parent in by_id, f"{s.name} has a parent that is lost"
        if s.parent in by_id:
            parent = by_id[s.parent]
            assert s.start >= parent.start, f"{s.name} begins before {parent.name}"
            # What waits for an answer ends within what it is a part of.
            assert s.kind != "client" or s.end <= parent.end, f"{s.name} outlives {parent.name}"
    for call in ("DynamoDB.", "S3.PutObject", "SQS.SendMessage"):
        assert any(s.name.startswith(call) and root in above(s) and not any(a.kind == "consumer" for a in above(s)) for s in spans), call

    first, second = (one("process order", **{"order.attempt": n}) for n in (1, 2))
    send = by_id[first.parent]
    assert send.kind == "producer" and send.parent == root.id and send.name.startswith("send "), send
    assert first.links == [] and (trace, send.id) in second.links, "a message that came again is linked"
    assert first.attributes["order.attempt_end"] == "retryable" and second.attributes["order.attempt_end"] == "completed"
    work = by_id[status["result"].split("-")[2]]
    assert work.name == "work" and work.parent == second.id and status["result"].split("-")[1] == trace, work
    assert any(s.name == "S3.PutObject" and second in above(s) for s in spans), "the final object is a part of the trace"
    post = by_id[final.split("-")[2]]
    names = [s.name for s in above(post)]
    assert names[0] == "deliver webhook" and names[1].startswith("send ") and "process order" in names, names
    assert {s.service for s in spans} == {"offload-api", "offload-worker"}, {s.service for s in spans}
    text = json.dumps([s.attributes for s in spans])
    for secret in (receipt["order_token"], "X-Amz", "hook"):
        assert secret not in text, f"{secret} is in an attribute"


def mine(collector, trace):
    return [s for s in collector.spans() if s.trace == trace]


def nothing_is_lost_at_the_end(system, collector):
    """Both programs are stopped as soon as the last order has ended."""
    traces = [secrets.token_hex(16) for _ in range(40)]
    receipts = [system.order(traceparent=f"00-{trace}-{secrets.token_hex(8)}-01") for trace in traces]
    for receipt in receipts:
        system.done(receipt)
    accepted = total(request("GET", f"{system.api}/metrics")[2].decode(), "orders_accepted_total")
    system.stop()
    spans = collector.spans()
    for trace in traces:
        own = [s for s in spans if s.trace == trace]
        names = [s.name for s in own]
        assert names.count("POST /order") == 1 and names.count("process order") >= 1, (trace, names)
        assert any(s.name == "S3.PutObject" and s.service == "offload-worker" for s in own), "the final object"
        roots = [s for s in own if s.name == "POST /order"]
        assert {s.parent for s in own} <= {roots[0].parent, *(s.id for s in own)}, "a parent is lost"
    metrics = collector.metrics()
    assert metrics["orders_accepted"] == accepted >= 40, (metrics.get("orders_accepted"), accepted)
    assert metrics["orders_ended"] >= 40 and metrics["attempt_seconds"] >= 40, "the worker's last values"


def total(text, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith((name + " ", name + "{")))


def a_wrong_variable_stops_the_start(system):
    """With exit code 2, and a message that names it and no secret."""
    command, environment = system.worker_command
    api = system.api_command
    secret = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=very-secret"}
    for wrong in (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "very-secret"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://[very-secret"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_TIMEOUT": "10s"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_METRIC_EXPORT_INTERVAL": "0"},
    ):
        for program, settings in ((command, environment), api):
            ended = subprocess.run(program, env={**settings, **secret, **wrong}, capture_output=True, text=True, timeout=PATIENCE, check=False)
            name = list(wrong)[-1]
            assert ended.returncode == 2, (wrong, ended)
            assert name in ended.stderr and "very-secret" not in ended.stdout + ended.stderr, (wrong, ended.stderr)


def a_collector_that_is_down_stops_nothing(servers, programs):
    """Orders complete, and the programs end within the time that is left for the last spans."""
    down = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}", "OTEL_BSP_SCHEDULE_DELAY": "100"}
    system = System(servers, programs, **down, OFFLOAD_EVENT_TOPIC_ARN=None)
    try:
        assert system.done(system.order())["status"] == "completed"
    finally:
        begun = time.monotonic()
        system.stop()
    assert time.monotonic() - begun < 2 * 5 + 5, "the end waits too long"
    assert (system.api_program.returncode, system.worker.returncode) == (0, 0)
