"""Collectors of traces and metrics that this project has not made: the messages of PyPI's
opentelemetry-proto behind an HTTP server, or the OpenTelemetry collector."""

import collections
import contextlib
import http.server
import json
import pathlib
import socket
import subprocess
import tempfile
import threading

from wire import free_port, until

Span = collections.namedtuple("Span", "trace id parent name kind start end attributes links status service")

KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


def value(of):
    """The value of an attribute, in OTLP's JSON."""
    return next((int(v) if k == "intValue" else v for k, v in of.items()), None)


def attributes(of):
    return {a["key"]: value(a["value"]) for a in of.get("attributes", [])}


def spans_of(message):
    for resource in message.get("resourceSpans", []):
        service = attributes(resource.get("resource", {})).get("service.name")
        for scope in resource["scopeSpans"]:
            for s in scope["spans"]:
                kind = s.get("kind", 0)
                kind = KINDS.get(kind, kind) if isinstance(kind, int) else kind.removeprefix("SPAN_KIND_").lower()
                yield Span(
                    s["traceId"], s["spanId"], s.get("parentSpanId", ""), s["name"], kind,
                    int(s["startTimeUnixNano"]), int(s["endTimeUnixNano"]), attributes(s),
                    [(link["traceId"], link["spanId"]) for link in s.get("links", [])], s.get("status", {}), service,
                )  # fmt: skip


def metrics_of(message):
    """Name and sum of all points of each metric."""
    for resource in message.get("resourceMetrics", []):
        for scope in resource["scopeMetrics"]:
            for metric in scope["metrics"]:
                data = metric.get("sum") or metric.get("gauge") or metric.get("histogram") or {}
                points = data.get("dataPoints", [])
                yield metric["name"], sum(float(p.get("asDouble", p.get("count", 0))) for p in points)


class Collector:
    """What was received."""

    def __init__(self, url):
        self.url, self.messages = url, []

    def spans(self):
        return [span for message in list(self.messages) for span in spans_of(message)]

    def metrics(self):
        """The last value of each metric."""
        return {name: total for message in list(self.messages) for name, total in metrics_of(message)}

    def environment(self):
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url}


def to_json(message):
    """A message as OTLP's JSON has it: ids are hexadecimal there."""
    from google.protobuf.json_format import MessageToDict

    def ids(node):
        if isinstance(node, dict):
            for key, of in node.items():
                if key in ("traceId", "spanId", "parentSpanId") and isinstance(of, str):
                    import base64

                    node[key] = base64.b64decode(of).hex()
                else:
                    ids(of)
        elif isinstance(node, list):
            for of in node:
                ids(of)
        return node

    return ids(MessageToDict(message, use_integers_for_enums=True))


@contextlib.contextmanager
def kept():
    """A server that reads what it gets by the messages of opentelemetry-proto."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    kinds = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.server.collector.messages.append(to_json(kinds[self.path].FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.collector = Collector(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.collector
        finally:
            server.shutdown()


class Files(Collector):
    """What the OpenTelemetry collector wrote into a file."""

    def __init__(self, url, path):
        self.url, self.path = url, path

    @property
    def messages(self):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [json.loads(line) for line in lines if line.strip()]


@contextlib.contextmanager
def of_others(program):
    """The OpenTelemetry collector, with the receiver `otlp` and the exporter `file`."""
    with tempfile.TemporaryDirectory() as folder:
        folder, port = pathlib.Path(folder), free_port()
        exporter = {"file": {"path": str(folder / "received"), "flush_interval": "100ms"}}
        pipeline = {"receivers": ["otlp"], "exporters": ["file"]}
        config = {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
            "exporters": exporter,
            "service": {"pipelines": {"traces": pipeline, "metrics": pipeline}, "telemetry": {"metrics": {"level": "none"}}},
        }
        (folder / "config.yaml").write_text(json.dumps(config))
        running = subprocess.Popen([program, "--config", folder / "config.yaml"])
        try:
            until("the collector is ready", lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
            yield Files(f"http://127.0.0.1:{port}", folder / "received")
        finally:
            running.terminate()
            running.wait()
