#!/usr/bin/env python3
"""Runs api and worker on servers that others wrote, and drives them as a client does: `just compat`.

By default on moto (PyPI), which it installs into a folder of its own and starts. `--s3`, `--sqs` and `--dynamodb` name other
servers, such as MinIO, ElasticMQ and DynamoDB Local; SNS and Step Functions are always moto's. Where no server of others can be
had, a recorder takes the calls, and botocore, a library or the documentation is the judge of them. Prints a line for each promise;
docs/compatibility.md tells the differences.
"""

import argparse
import base64
import collections
import concurrent.futures
import contextlib
import http.server
import itertools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HOME = TARGET / "compat"
PACKAGES = ["moto[server]==5.2.5", "boto3==1.44.8", "standardwebhooks==1.1.0"]
NODE_PACKAGE = "standardwebhooks@1.1.1"
# A worker that is killed leaves a long poll open at the server, which may hand a message to nobody: a dead letter then comes again
# after its visibility of 60 s.
PATIENCE = 100
SECRET = "only-for-tests-0123456789abcdef01"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def inside():
    """This script again, by a Python that has the packages."""
    python = HOME / "python" / "bin" / "python"
    stamp = HOME / ".installed"
    if not stamp.exists() or stamp.read_text() != str(PACKAGES):
        venv.create(HOME / "python", with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        stamp.write_text(str(PACKAGES))
    os.execv(python, [python, __file__, *sys.argv[1:]])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def request(method, url, body=None, **headers):
    """Status, headers and body; a refusal is an answer too."""
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


Call = collections.namedtuple("Call", "method path headers body")


@contextlib.contextmanager
def recorder(status=200):
    """A server that keeps what it is sent, as `calls`, and answers with one status: `{}` for those who expect JSON."""

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


class System:
    """Bucket, table and queues on the servers, and the real programs."""

    count = itertools.count(1)

    def __init__(self, servers, programs, **more):
        self.servers, self.programs = servers, programs
        self.keys = {"AWS_ACCESS_KEY_ID": "foreign", "AWS_SECRET_ACCESS_KEY": "foreign-secret", "AWS_REGION": "us-east-1"}
        self.keys.update({k: os.environ[k] for k in self.keys if k in os.environ})
        self.s3, self.sqs, self.dynamodb = (self.client(name, servers[name]) for name in ("s3", "sqs", "dynamodb"))
        self.name = name = f"offload-{os.getpid()}-{next(self.count)}"
        self.s3.create_bucket(Bucket=name)
        self.dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in [("pk", "S"), ("sk", "S"), ("due", "S"), ("due_at", "N")]],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            GlobalSecondaryIndexes=[{"IndexName": "due", "Projection": {"ProjectionType": "KEYS_ONLY"},
                "KeySchema": [{"AttributeName": "due", "KeyType": "HASH"}, {"AttributeName": "due_at", "KeyType": "RANGE"}]}],
        )  # fmt: skip
        self.queue, self.dead = self.queues(name)
        self.notifications, given_up = self.queues(f"{name}-notifications")
        self.topic = self.client("sns", servers["moto"]).create_topic(Name=name)["TopicArn"]
        port = free_port()
        self.api = f"http://127.0.0.1:{port}"
        self.environment = {
            "PATH": os.environ["PATH"], **self.keys,
            "AWS_ENDPOINT_URL_S3": servers["s3"], "AWS_ENDPOINT_URL_SQS": servers["sqs"],
            "AWS_ENDPOINT_URL_DYNAMODB": servers["dynamodb"],
            "AWS_ENDPOINT_URL_SNS": servers["moto"], "AWS_ENDPOINT_URL_SFN": servers["moto"],
            "OFFLOAD_BUCKET": name, "OFFLOAD_TABLE": name, "OFFLOAD_QUEUE_URL": self.queue, "OFFLOAD_LOG": "error",
            "OFFLOAD_NOTIFICATIONS_QUEUE_URL": self.notifications, "OFFLOAD_NOTIFICATIONS_DEAD_LETTER_QUEUE_URL": given_up,
            "OFFLOAD_EVENT_TOPIC_ARN": self.topic, "OFFLOAD_INTERNAL_SECRET": SECRET, "OFFLOAD_WEBHOOK_INSECURE_LOOPBACK": "true",
        }  # fmt: skip
        self.environment = {k: v for k, v in {**self.environment, **more}.items() if v is not None}
        api = {"OFFLOAD_TOKEN_SECRET": SECRET, "OFFLOAD_LISTEN": f"127.0.0.1:{port}", "OFFLOAD_WEBHOOKS": "true"}
        worker = {
            "OFFLOAD_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "OFFLOAD_DEAD_LETTER_QUEUE_URL": self.dead, "OFFLOAD_JOB_SECONDS": "0.2", "OFFLOAD_VISIBILITY_SECONDS": "3",
            "OFFLOAD_SWEEP_SECONDS": "1", "OFFLOAD_SWEEP_AFTER_SECONDS": "2", "OFFLOAD_CANCEL_CHECK_SECONDS": "0.2",
        }  # fmt: skip
        self.api_program = subprocess.Popen([programs / "offload-api"], env={**self.environment, **api})
        self.worker_command = ([programs / "offload-worker"], {**self.environment, **worker})
        self.worker = self.start_worker()
        until("the api is ready", self.ready)

    @contextlib.contextmanager
    def another(self, **more):
        """One of its own on the same servers, with other settings; what is None is not set."""
        system = System(self.servers, self.programs, **more)
        try:
            yield system
        finally:
            system.stop()

    def client(self, name, url):
        import boto3

        return boto3.client(
            name, endpoint_url=url, region_name=self.keys["AWS_REGION"],
            aws_access_key_id=self.keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key=self.keys["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip

    def queues(self, name):
        """A queue and its dead-letter queue."""
        dead = self.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "20"})
        return self.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})["QueueUrl"], dead

    def start_worker(self, **more):
        command, environment = self.worker_command
        return subprocess.Popen(command, env={**environment, **more})

    def ready(self):
        try:
            return request("GET", f"{self.api}/readyz")[0] == 200
        except OSError:
            return False

    def stop(self):
        for program in (self.api_program, self.worker):
            program.terminate()
            program.wait(PATIENCE)

    def order(self, body=None, **headers):
        body = body or {"kind": "fulfilment", "items": [{"sku": "A-1", "quantity": 2}]}
        status, _, answer = request("POST", f"{self.api}/order", body, **headers)
        assert status == 202, (status, answer)
        return json.loads(answer)

    def all_is_told(self):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.notifications, AttributeNames=names)["Attributes"]
        return all(int(n) == 0 for n in counts.values())

    def token(self, receipt):
        return {"authorization": f"Bearer {receipt['order_token']}"}

    def cancel(self, receipt):
        status, _, _ = request("DELETE", f"{self.api}/order/{receipt['id']}", **self.token(receipt))
        assert status == 202 and self.done(receipt)["status"] == "cancelled", status

    def look(self, receipt, **headers):
        status, got, body = request("GET", receipt["status_url"], **headers)
        return status, got, json.loads(body) if status == 200 else body

    def done(self, receipt):
        return until("the order ends", lambda: (o := self.look(receipt)[2]) and isinstance(o, dict) and o["done"] and o)


def later(**options):
    """An order that waits until it is cancelled."""
    return {"kind": "report", "rows": 1, "options": {"delay_seconds": 600, **options}}


def slow(**options):
    """An order that is seen at work, and whose result is linked."""
    return {"kind": "report", "rows": 1000, "delay_ms": 2000, "options": options}


# --- The promises ---------------------------------------------------------------------------------------------------------


def an_order_completes_and_its_object_is_revalidated(s):
    receipt = s.order()
    assert s.done(receipt)["status"] == "completed"
    _, headers, _ = s.look(receipt)
    status, _, body = s.look(receipt, If_None_Match=headers["ETag"])
    assert (status, body) == (304, b""), status


def a_hundred_orders_of_many_clients_complete(s):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda _: s.done(s.order()), range(100)))
    assert len({o["id"] for o in done}) == 100 and all(o["status"] == "completed" and o["attempt"] == 1 for o in done)


def the_same_key_gives_the_same_order(s):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(lambda _: s.order(idempotency_key="once")["id"], range(32)))
    assert len(ids) == 1, ids


def a_report_is_linked_and_can_be_downloaded(s):
    done = s.done(s.order({"kind": "report", "rows": 1000}))
    status, _, body = request("GET", done["result_url"])
    assert status == 200 and body.count(b"\n") == 1001, (status, len(body))


def a_delayed_order_is_cancelled(s):
    s.cancel(s.order(later()))


def a_deadline_ends_an_order(s):
    receipt = s.order({"kind": "report", "rows": 1, "delay_ms": 60000, "options": {"deadline_seconds": 1}})
    assert s.done(receipt)["error"]["type"].endswith("/deadline-exceeded")


def a_worker_that_is_killed_is_replaced(s):
    receipt = s.order({"kind": "report", "rows": 100, "delay_ms": 3000})
    until("it runs", lambda: s.look(receipt)[2]["status"] == "processing")
    s.worker.kill()
    s.worker.wait()
    s.worker = s.start_worker()
    done = s.done(receipt)
    assert (done["status"], done["attempt"]) == ("completed", 2), done


def a_dead_letter_ends_its_order(s):
    receipt = s.order({"kind": "report", "rows": 1, "options": {"delay_seconds": 600}})
    letter = {"v": 1, "id": receipt["id"], "key": "status/x", "etag": None}
    s.sqs.send_message(QueueUrl=s.dead, MessageBody=json.dumps(letter))
    assert s.done(receipt)["error"]["type"].endswith("/dead-lettered")


def a_tampered_url_is_refused(s):
    receipt = s.order()
    url = receipt["status_url"]
    tampered = url[:-1] + ("0" if url[-1] != "0" else "1")
    assert request("GET", tampered)[0] == 403
    assert request("GET", url.split("?")[0])[0] == 403, "without a signature"


# --- The promises of push -------------------------------------------------------------------------------------------------


def event_of(text, receipt):
    """A CloudEvent of the order, in structured mode."""
    event = json.loads(text)
    assert event["specversion"] == "1.0" and event["type"] and event["source"] and event["time"], event
    assert event["subject"] == receipt["id"] and event["id"] == f"{receipt['id']}/{event['revision']}", event
    assert event["data"]["revision"] == event["revision"], event
    return event


def signed_as_by_botocore(s, call, url, service):
    """Whether botocore signs this request with the same signature, at the time that the request names."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    scheme, _, fields = call.headers["authorization"].partition(" ")
    fields = dict(field.strip().split("=", 1) for field in fields.split(","))
    names = fields["SignedHeaders"].split(";")
    assert scheme == "AWS4-HMAC-SHA256" and {"host", "x-amz-date"} <= set(names), (scheme, names)
    key, day, *scope = fields["Credential"].split("/")
    assert call.headers["x-amz-date"].startswith(day), day
    assert (key, scope) == (s.keys["AWS_ACCESS_KEY_ID"], [s.keys["AWS_REGION"], service, "aws4_request"]), fields
    again = AWSRequest(call.method, url + call.path, {name: call.headers[name] for name in names}, call.body)
    again.context["timestamp"] = call.headers["x-amz-date"]
    auth = SigV4Auth(Credentials(key, s.keys["AWS_SECRET_ACCESS_KEY"]), service, s.keys["AWS_REGION"])
    signature = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    assert fields["Signature"] == signature, "another signature"


def a_webhook_is_verified_by_the_libraries_of_standard_webhooks(s):
    from standardwebhooks import Webhook, WebhookVerificationError

    with recorder() as receiver:
        receipt = s.order(slow(webhook_url=f"{receiver.url}/hook"))
        done = s.done(receipt)
        until("the webhook ends", lambda: any(json.loads(c.body)["data"]["done"] for c in list(receiver.calls)))
        delivered = lambda d: d["state"] == "delivered" and d["channel"] == "webhook"  # noqa: E731
        look = lambda: json.loads(request("GET", f"{s.api}/order/{receipt['id']}", **s.token(receipt))[2])  # noqa: E731
        until("it is listed", lambda: (d := look()["deliveries"]) and d[0]["revision"] == done["revision"] and all(map(delivered, d)))
    for call in receiver.calls:
        assert (call.method, call.path, call.headers["content-type"]) == ("POST", "/hook", "application/cloudevents+json"), call
        headers, body = dict(call.headers), call.body.decode()
        assert Webhook(WEBHOOK_SECRET).verify(body, headers) == event_of(body, receipt)
        assert headers["webhook-id"] == event_of(body, receipt)["id"]
        for tampered in (body.replace(receipt["id"], receipt["id"][::-1]), body + " "):
            try:
                Webhook(WEBHOOK_SECRET).verify(tampered, headers)
            except WebhookVerificationError:
                continue
            raise AssertionError("a tampered body is verified")
    events = {e["revision"]: e["data"] for e in (event_of(c.body, receipt) for c in receiver.calls)}
    assert {e["status"] for e in events.values()} == {"processing", "completed"}, events
    assert events[done["revision"]] == done, "the last one says what S3 says"
    verified_by_node(receiver.calls)


NODE = """
const { Webhook } = require("standardwebhooks");
const { secret, calls } = JSON.parse(require("fs").readFileSync(0, "utf8"));
for (const { headers, body } of calls) {
  new Webhook(secret).verify(body, headers);
  let refused = false;
  try { new Webhook(secret).verify(body + " ", headers); } catch { refused = true; }
  if (!refused) throw new Error("a tampered body is verified");
}
console.log(calls.length);
"""


def verified_by_node(calls):
    if not (shutil.which("node") and shutil.which("npm")):
        print("        without node: npm's standardwebhooks is skipped", flush=True)
        return
    home = HOME / "node" / NODE_PACKAGE
    if not (home / "node_modules" / "standardwebhooks").exists():
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", home, NODE_PACKAGE], check=True)
    given = {"secret": WEBHOOK_SECRET, "calls": [{"headers": dict(c.headers), "body": c.body.decode()} for c in calls]}
    ran = subprocess.run(["node", "-e", NODE], cwd=home, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, f"{len(calls)}\n"), ran.stderr


def a_topic_gets_every_change_with_its_attributes(s):
    sns, sqs = s.client("sns", s.servers["moto"]), s.client("sqs", s.servers["moto"])

    def subscriber(name, **attributes):
        queue = sqs.create_queue(QueueName=f"{s.name}-{name}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=s.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true", **attributes})
        return queue

    def receive(queue, got):
        more = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])
        got += [m for m in more if receipt["id"] in m["Body"]]
        return any(json.loads(m["Body"])["data"]["done"] for m in got)

    every, completed = subscriber("every"), subscriber("completed", FilterPolicy=json.dumps({"status": ["completed"]}))
    receipt, all_of_them, filtered = s.order(slow()), [], []
    done = s.done(receipt)
    until("the topic tells of the end", lambda: receive(every, all_of_them))
    until("and to who asked for that only", lambda: receive(completed, filtered))
    for message in all_of_them + filtered:
        event = event_of(message["Body"], receipt)
        data, attributes = event["data"], message["MessageAttributes"]
        told = {name: (a["DataType"], a["StringValue"]) for name, a in attributes.items()}
        says = {"status": ("String", data["status"]), "done": ("String", json.dumps(data["done"])), "revision": ("Number", str(event["revision"]))}
        assert told == says, told
        assert data["result_url"] is None and "X-Amz-Signature" not in message["Body"], "who reads the topic may not read results"
    assert done["result_url"], "there is something to keep back"
    assert {json.loads(m["Body"])["data"]["status"] for m in all_of_them} == {"processing", "completed"}
    assert {json.loads(m["Body"])["data"]["status"] for m in filtered} == {"completed"}


def a_step_functions_task_is_ended(s):
    sfn, sqs = s.client("stepfunctions", s.servers["moto"]), s.client("sqs", s.servers["moto"])
    request("POST", f"{s.servers['moto']}/moto-api/config", {"stepfunctions": {"execute_state_machine": True}})
    queue = sqs.create_queue(QueueName=f"{s.name}-tokens")["QueueUrl"]
    task = {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True,
        "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
    }  # fmt: skip
    definition = json.dumps({"StartAt": "Order", "States": {"Order": task}})
    machine = sfn.create_state_machine(name=s.name, definition=definition, roleArn="arn:aws:iam::123456789012:role/any")["stateMachineArn"]

    def started():
        # Moto takes two without a name for one and the same.
        execution = sfn.start_execution(stateMachineArn=machine, name=f"e-{time.monotonic_ns()}")["executionArn"]
        receive = lambda: sqs.receive_message(QueueUrl=queue).get("Messages")  # noqa: E731
        (message,) = until("the task gives its token", receive)
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return execution, json.loads(message["Body"])["token"]

    def ended(execution):
        return until("the execution ends", lambda: (e := sfn.describe_execution(executionArn=execution))["status"] != "RUNNING" and e)

    execution, token = started()
    done = s.done(s.order(slow(task_token=token)))
    end = ended(execution)
    assert (end["status"], json.loads(end["output"])) == ("SUCCEEDED", done), end
    execution, token = started()
    s.cancel(s.order(later(task_token=token)))
    end = ended(execution)
    assert (end["status"], end["error"]) == ("FAILED", "OrderCancelled"), end


def a_step_functions_task_is_told_in_the_words_of_botocore(s):
    with recorder() as states, recorder() as judge, s.another(AWS_ENDPOINT_URL_SFN=states.url) as other:
        sdk = other.client("stepfunctions", judge.url)
        operations = {
            "AWSStepFunctions.SendTaskHeartbeat": sdk.send_task_heartbeat,
            "AWSStepFunctions.SendTaskSuccess": sdk.send_task_success,
            "AWSStepFunctions.SendTaskFailure": sdk.send_task_failure,
        }
        told = lambda: {c.headers["x-amz-target"] for c in list(states.calls)}  # noqa: E731
        done = other.done(other.order(slow(task_token="completes")))
        failed = other.done(other.order(later(task_token="fails", deadline_seconds=1)))
        until("all is told", lambda: told() == set(operations))
        for call in states.calls:
            said = json.loads(call.body)
            operations[call.headers["x-amz-target"]](**said)
            same = judge.calls.pop()
            assert (call.method, call.path, said) == (same.method, same.path, json.loads(same.body)), call
            for header in ("x-amz-target", "content-type"):
                assert call.headers[header] == same.headers[header], (header, call.headers[header], same.headers[header])
            signed_as_by_botocore(other, call, states.url, "states")
            signed_as_by_botocore(other, same, judge.url, "states")
            if "output" in said:
                assert (said["taskToken"], json.loads(said["output"])) == ("completes", done), said
            if "cause" in said:
                assert (said["taskToken"], json.loads(said["cause"])) == ("fails", failed["error"]), said


def watch(s, receipt, endpoint):
    """Has a made-up connection watch an order, as a function behind API Gateway's WebSocket API does; answers with its row's key."""
    key = {"pk": {"S": receipt["id"]}, "sk": {"S": f"conn#{CONNECTION}"}}
    row = {**key, "endpoint": {"S": endpoint}, "expires_at": {"N": str(int(time.time()) + 3600)}}
    s.dynamodb.put_item(TableName=s.name, Item=row)
    s.dynamodb.update_item(
        TableName=s.name, Key={"pk": key["pk"], "sk": {"S": "order"}}, UpdateExpression="SET watched = :yes",
        ConditionExpression="attribute_exists(revision)", ExpressionAttributeValues={":yes": {"BOOL": True}},
    )  # fmt: skip
    return key


# As API Gateway makes them: with `=` at the end, which has to be escaped in the path.
CONNECTION = "L0SM9cOFvHcCIhw="


def a_connection_is_told_in_the_words_of_botocore(s):
    # With the secret that api servers share, a worker takes what is not on AWS for one of these.
    with recorder() as gateway, recorder() as judge, s.another(OFFLOAD_INTERNAL_SECRET=None) as other:
        receipt = other.order(later())
        key = watch(other, receipt, f"{gateway.url}/stage")
        other.cancel(receipt)
        until("the connection is told", lambda: gateway.calls)
        for call in gateway.calls:
            assert event_of(call.body, receipt)["data"]["status"] == "cancelled"
            other.client("apigatewaymanagementapi", f"{judge.url}/stage").post_to_connection(ConnectionId=CONNECTION, Data=call.body)
            same = judge.calls.pop()
            assert (call.method, call.path, call.body) == (same.method, same.path, same.body), (call.path, same.path)
            assert call.headers["content-type"] == same.headers["content-type"], call.headers["content-type"]
            signed_as_by_botocore(other, call, gateway.url, "execute-api")
            signed_as_by_botocore(other, same, judge.url, "execute-api")
        assert "Item" in other.dynamodb.get_item(TableName=other.name, Key=key), "who answers is told of the next change too"


def a_connection_is_posted_to(s):
    gateway = s.client("apigatewaymanagementapi", s.servers["moto"])
    with s.another(OFFLOAD_INTERNAL_SECRET=None) as other:
        receipt = other.order(later())
        key = watch(other, receipt, s.servers["moto"])
        before = time.time()
        other.cancel(receipt)
        until("all is told", other.all_is_told)
        # Moto makes a connection up when it first hears of it, be it by this question, and shows when that was.
        time.sleep(2)
        heard = gateway.get_connection(ConnectionId=CONNECTION)["ConnectedAt"].timestamp()
        assert before - 1 <= heard <= time.time() - 1, (before, heard, time.time())
        assert "Item" in other.dynamodb.get_item(TableName=other.name, Key=key)


def a_connection_that_is_gone_is_forgotten(s):
    with recorder(410) as gateway, s.another(OFFLOAD_INTERNAL_SECRET=None) as other:
        receipt = other.order(later())
        key = watch(other, receipt, gateway.url)
        other.cancel(receipt)
        until("it is forgotten", lambda: "Item" not in other.dynamodb.get_item(TableName=other.name, Key=key))
        assert len(gateway.calls) == 1, gateway.calls


def told_by_broadcast(server, receipt, events):
    """The events of an order that a recorder of every order's changes has got, once the last one is there."""
    mine = lambda: [e for c in list(server.calls) for e in events(c) if receipt["id"] in e]  # noqa: E731
    until("the last one is told", lambda: any(json.loads(e)["data"]["done"] for e in mine()))
    told = [event_of(e, receipt) for e in mine()]
    assert {e["data"]["status"] for e in told} == {"processing", "completed"}, told
    assert all(e["data"]["result_url"] is None for e in told), "who reads all may not read results"
    return told


def an_appsync_channel_gets_every_change(s):
    # https://docs.aws.amazon.com/appsync/latest/eventapi/publish-http.html
    events = lambda call: json.loads(call.body)["events"]  # noqa: E731
    with recorder() as appsync:
        settings = {"OFFLOAD_APPSYNC_URL": f"{appsync.url}/event"}
        with s.another(**settings, OFFLOAD_APPSYNC_API_KEY="da2-key") as other:
            receipt = other.order(slow())
            assert other.done(receipt)["result_url"]
            told_by_broadcast(appsync, receipt, events)
        for call in appsync.calls:
            assert (call.method, call.path, call.headers["content-type"]) == ("POST", "/event", "application/json"), call
            assert (call.headers["x-api-key"], call.headers["authorization"]) == ("da2-key", None), call
            body = json.loads(call.body)
            assert set(body) == {"channel", "events"} and body["channel"] == f"/orders/{receipt['id']}", body
            assert 1 <= len(body["events"]) <= 5 and all(isinstance(e, str) for e in body["events"]), body
        appsync.calls.clear()
        with s.another(**settings) as other:
            receipt = other.order(slow())
            told_by_broadcast(appsync, receipt, events)
            for call in appsync.calls:
                assert call.headers["x-api-key"] is None
                signed_as_by_botocore(other, call, appsync.url, "appsync")


def a_mercure_hub_gets_every_change(s):
    # https://mercure.rocks/spec#publication
    form = lambda call: dict(urllib.parse.parse_qsl(call.body.decode(), strict_parsing=True))  # noqa: E731
    with recorder() as hub:
        path = "/.well-known/mercure"
        with s.another(OFFLOAD_MERCURE_URL=f"{hub.url}{path}", OFFLOAD_MERCURE_JWT="a.b.c") as other:
            receipt = other.order(slow())
            assert other.done(receipt)["result_url"]
            told_by_broadcast(hub, receipt, lambda call: [form(call)["data"]])
            topic = f"{other.api}/order/{receipt['id']}"
        for call in hub.calls:
            assert (call.method, call.path, call.headers["content-type"]) == ("POST", path, "application/x-www-form-urlencoded"), call
            assert call.headers["authorization"] == "Bearer a.b.c"
            fields = form(call)
            assert set(fields) == {"topic", "data", "private", "id", "type"}, fields
            assert (fields["topic"], fields["private"], fields["type"]) == (topic, "on", "status"), fields
            # An IRI, of one revision.
            assert fields["id"] == f"urn:uuid:{receipt['id']}:{json.loads(fields['data'])['revision']}", fields


PROMISES = [
    an_order_completes_and_its_object_is_revalidated,
    a_hundred_orders_of_many_clients_complete,
    the_same_key_gives_the_same_order,
    a_report_is_linked_and_can_be_downloaded,
    a_delayed_order_is_cancelled,
    a_deadline_ends_an_order,
    a_worker_that_is_killed_is_replaced,
    a_dead_letter_ends_its_order,
    a_tampered_url_is_refused,
    a_webhook_is_verified_by_the_libraries_of_standard_webhooks,
    a_topic_gets_every_change_with_its_attributes,
    a_step_functions_task_is_ended,
    a_step_functions_task_is_told_in_the_words_of_botocore,
    a_connection_is_posted_to,
    a_connection_is_told_in_the_words_of_botocore,
    a_connection_that_is_gone_is_forgotten,
    an_appsync_channel_gets_every_change,
    a_mercure_hub_gets_every_change,
]


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("s3", "sqs", "dynamodb"):
        args.add_argument(f"--{name}", metavar="URL", help="a server that runs already, instead of moto")
    args.add_argument("--programs", type=pathlib.Path, default=TARGET / "debug", help="where offload-api and offload-worker are")
    args.add_argument("--differs", action="append", default=[], metavar="PROMISE", help="a promise that these servers are known not to keep")
    args = args.parse_args()
    if not args.s3:
        # Moto checks no signatures.
        args.differs.append("a_tampered_url_is_refused")
    try:
        import boto3  # noqa: F401
        import standardwebhooks  # noqa: F401
    except ImportError:
        inside()
    with tempfile.TemporaryFile() as log:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [pathlib.Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
        # Its state machines call itself, at the port that this variable names.
        moto = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "MOTO_PORT": str(port)})
        servers = {"moto": url, **{name: getattr(args, name) or url for name in ("s3", "sqs", "dynamodb")}}
        until("moto is ready", lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
        failed = 0
        try:
            system = System(servers, args.programs)
            for promise in PROMISES:
                name = promise.__name__
                try:
                    promise(system)
                    print(f"ok      {name}", flush=True)
                except Exception as e:  # noqa: BLE001: each is told, and the others are tried
                    known = name in args.differs
                    failed += not known
                    print(f"{'differs' if known else 'FAILED '} {name}: {type(e).__name__}: {str(e)[:200]}", flush=True)
            system.stop()
        finally:
            moto.terminate()
            moto.wait()
    return 1 if failed else 0


sys.exit(main())
