"""Lambda around a real program: its Runtime API, with the environment that Terraform rendered.

<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
"""

import http.server
import json
import os
import queue
import re
import subprocess
import threading
import time

from account import KEYS

# A program that has not answered by then hangs.
PATIENCE = 60


class Function:
    """A function that runs until it is stopped. Everything but `replaced` is what Terraform gave
    it."""

    def __init__(self, program, name, environment, account, log, **replaced):
        self.invocations, self.answers = queue.Queue(), queue.Queue()
        self.asked = threading.Event()
        self.failed = None
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
        self.server.function = self
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        of_lambda = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}", "PATH": os.environ["PATH"],
            "AWS_LAMBDA_FUNCTION_NAME": name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}", "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            "AWS_ENDPOINT_URL": account.url, "AWS_ENDPOINT_URL_SSM": account.translator.url, **KEYS,
        }  # fmt: skip
        self.log = open(log, "wb")
        self.process = subprocess.Popen([program], env={**environment, **of_lambda, **replaced}, stdout=self.log, stderr=self.log)
        self.name, self.program, self.count = name, program, 0

    def started(self):
        """Waits until it asks for its first event."""
        for _ in range(PATIENCE * 10):
            if self.asked.wait(0.1):
                return
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode} at its start: {self.failed or self.last_line()}")
        raise AssertionError(f"{self.name} asked for no event within {PATIENCE} s")

    def last_line(self):
        lines = open(self.log.name, errors="replace").read().splitlines()
        return lines[-1] if lines else "it printed nothing"

    def invoke(self, event):
        """Its answer to an event."""
        self.count += 1
        self.invocations.put((f"{self.count}", event))
        kind, answer = self.answers.get(timeout=PATIENCE)
        assert kind == "response", f"{self.name} failed: {answer}"
        return answer

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.server.shutdown()
        self.log.close()


class RuntimeApi(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        function = self.server.function
        function.asked.set()
        number, event = function.invocations.get()
        body = json.dumps(event).encode()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", number)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + PATIENCE) * 1000)))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:eu-west-1:123456789012:function:{function.name}")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        function = self.server.function
        body = json.loads(self.body() or b"null")
        if self.path.endswith("/init/error"):
            function.failed = body
        else:
            kind = re.search(r"/(response|error)$", self.path)[1]
            function.answers.put((kind, body))
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        whole = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        # Headers that come after the body, and the line that ends them.
        while self.rfile.readline().strip():
            pass
        return whole

    def log_message(self, *_):
        pass
