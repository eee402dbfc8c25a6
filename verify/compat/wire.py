"""HTTP requests, waiting with a deadline, and a server that records its calls."""

import collections
import contextlib
import http.server
import json
import socket
import threading
import time
import urllib.error
import urllib.request

# A worker that is killed leaves a long poll open at the server, which may deliver a message to it:
# a dead letter is then visible again after 60 s.
PATIENCE = 100

Call = collections.namedtuple("Call", "method path headers body")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def request(method, url, body=None, **headers):
    """Status, headers and body of the response, also of a refusal."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    if data:
        headers["content-type"] = "application/json"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=PATIENCE) as r:
            return r.status, r.headers, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def until(what, check):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {PATIENCE} s")


@contextlib.contextmanager
def recorder(status=200):
    """A server that keeps its requests in `calls`, and responds with one status and the body
    `{}`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            self.server.calls.append(Call(self.command, self.path, self.headers, body))
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.calls, server.url = [], f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
