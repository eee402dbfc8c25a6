#!/usr/bin/env python3
"""Runs api and worker on servers that others wrote, and drives them as a client does: `just foreign`.

By default on moto (PyPI), which it installs into a folder of its own and starts. `--s3`, `--sqs` and `--dynamodb` name other
servers, such as MinIO, ElasticMQ and DynamoDB Local. Prints a line for each promise; docs/compatibility.md tells the differences.
"""

import argparse
import concurrent.futures
import http.server
import json
import os
import pathlib
import socket
import shutil
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
HOME = TARGET / "foreign"
PACKAGES = ["moto[server]==5.2.5", "boto3==1.44.8", "standardwebhooks==1.0.0"]
NODE_PACKAGE = "standardwebhooks@1.0.0"
# A worker that is killed leaves a long poll open at the server, which may hand a message to nobody: a dead letter then comes again
# after its visibility of 60 s.
PATIENCE = 100
SECRET = "only-for-tests-0123456789abcdef01"
WEBHOOK_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"


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


class System:
    """Bucket, table and queues on the servers, and the real programs."""

    def __init__(self, servers, programs, moto):
        import boto3

        self.moto = moto

        self.keys = {"AWS_ACCESS_KEY_ID": "foreign", "AWS_SECRET_ACCESS_KEY": "foreign-secret", "AWS_REGION": "us-east-1"}
        self.keys.update({k: os.environ[k] for k in self.keys if k in os.environ})
        make = lambda name: boto3.client(  # noqa: E731
            name, endpoint_url=servers.get(name, moto), region_name=self.keys["AWS_REGION"],
            aws_access_key_id=self.keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key=self.keys["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        self.s3, self.sqs, self.dynamodb = make("s3"), make("sqs"), make("dynamodb")
        self.make = make
        self.sqs_of_moto = boto3.client("sqs", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="foreign", aws_secret_access_key="foreign-secret") if moto else None
        name = f"offload-{os.getpid()}"
        self.s3.create_bucket(Bucket=name)
        self.dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in [("pk", "S"), ("sk", "S"), ("due", "S"), ("due_at", "N")]],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            GlobalSecondaryIndexes=[{"IndexName": "due", "Projection": {"ProjectionType": "KEYS_ONLY"},
                "KeySchema": [{"AttributeName": "due", "KeyType": "HASH"}, {"AttributeName": "due_at", "KeyType": "RANGE"}]}],
        )  # fmt: skip
        dead = self.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "20"})
        self.queue = self.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})["QueueUrl"]
        self.dead = dead
        told, told_dead = (self.sqs.create_queue(QueueName=f"{name}-{n}")["QueueUrl"] for n in ("told", "told-dead"))
        self.table, self.topic = name, make("sns").create_topic(Name=name)["TopicArn"] if moto else None
        port = free_port()
        self.api = f"http://127.0.0.1:{port}"
        self.environment = {
            "PATH": os.environ["PATH"], **self.keys,
            "AWS_ENDPOINT_URL_S3": servers["s3"], "AWS_ENDPOINT_URL_SQS": servers["sqs"],
            "AWS_ENDPOINT_URL_DYNAMODB": servers["dynamodb"],
            "OFFLOAD_BUCKET": name, "OFFLOAD_TABLE": name, "OFFLOAD_QUEUE_URL": self.queue, "OFFLOAD_LOG": "error",
            "OFFLOAD_NOTIFICATIONS_QUEUE_URL": told, "OFFLOAD_NOTIFICATIONS_DEAD_LETTER_QUEUE_URL": told_dead,
            "OFFLOAD_WEBHOOK_INSECURE_LOOPBACK": "true", "OFFLOAD_WEBHOOKS": "true",
        }  # fmt: skip
        if moto:
            self.environment |= {"OFFLOAD_EVENT_TOPIC_ARN": self.topic, "AWS_ENDPOINT_URL_SNS": moto, "AWS_ENDPOINT_URL_SFN": moto}
        api = {"OFFLOAD_TOKEN_SECRET": SECRET, "OFFLOAD_LISTEN": f"127.0.0.1:{port}"}
        worker = {
            "OFFLOAD_DEAD_LETTER_QUEUE_URL": dead, "OFFLOAD_JOB_SECONDS": "0.2", "OFFLOAD_VISIBILITY_SECONDS": "3",
            "OFFLOAD_SWEEP_SECONDS": "1", "OFFLOAD_SWEEP_AFTER_SECONDS": "2", "OFFLOAD_CANCEL_CHECK_SECONDS": "0.2",
            "OFFLOAD_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }  # fmt: skip
        self.api_program = subprocess.Popen([programs / "offload-api"], env={**self.environment, **api})
        self.worker_command = ([programs / "offload-worker"], {**self.environment, **worker})
        self.worker = self.start_worker()
        until("the api is ready", self.ready)

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

    def look(self, receipt, **headers):
        status, got, body = request("GET", receipt["status_url"], **headers)
        return status, got, json.loads(body) if status == 200 else body

    def done(self, receipt):
        return until("the order ends", lambda: (o := self.look(receipt)[2]) and isinstance(o, dict) and o["done"] and o)


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
    receipt = s.order({"kind": "report", "rows": 1, "options": {"delay_seconds": 600}})
    auth = {"authorization": f"Bearer {receipt['order_token']}"}
    status, _, _ = request("DELETE", f"{s.api}/order/{receipt['id']}", **auth)
    assert status == 202 and s.done(receipt)["status"] == "cancelled"


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


class Receiver:
    """Takes what is POSTed to it, as it comes."""

    def __init__(self, refused=()):
        self.got, self.all = got, everything = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                headers, body = dict(self.headers.items()), self.rfile.read(int(self.headers["content-length"]))
                got.append((headers, body))
                everything.append((self.path, headers, body))
                self.send_response(next((status for part, status in dict(refused).items() if part in urllib.parse.unquote(self.path)), 204))
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        self.url = f"{self.base}/hook"


def a_webhook_is_verified_by_the_libraries_of_standard_webhooks(s):
    from standardwebhooks import Webhook, WebhookVerificationError

    receiver = Receiver()
    receipt = s.order({"kind": "report", "rows": 1, "options": {"webhook_url": receiver.url}})
    until("the webhook is called", lambda: any(json.loads(b)["data"]["done"] for _, b in receiver.got))
    headers, body = next((h, b) for h, b in receiver.got if json.loads(b)["data"]["done"])
    event = Webhook(WEBHOOK_SECRET).verify(body, {k.lower(): v for k, v in headers.items()})
    assert event["data"]["status"] == "completed" and event["specversion"] == "1.0", event
    try:
        Webhook(WEBHOOK_SECRET).verify(body.replace(b"completed", b"cancelled"), {k.lower(): v for k, v in headers.items()})
        raise RuntimeError("a tampered body was accepted")
    except WebhookVerificationError:
        pass
    auth = {"authorization": f"Bearer {receipt['order_token']}"}
    listed = lambda: json.loads(request("GET", f"{s.api}/order/{receipt['id']}", **auth)[2])["deliveries"]  # noqa: E731
    until("the delivery is listed", lambda: any(d["state"] == "delivered" for d in listed()))
    if not shutil.which("npm"):
        return "skipped for npm, which is not here"
    module = HOME / "node"
    if not (module / "node_modules" / "standardwebhooks").exists():
        module.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", str(module), NODE_PACKAGE], check=True)
    script = """const { Webhook } = require("standardwebhooks"); const [secret, headers, body] = JSON.parse(require("fs").readFileSync(0));
        const lower = Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]));
        new Webhook(secret).verify(body, lower);
        try { new Webhook(secret).verify(body + " ", lower); process.exit(3); } catch {}"""
    given = json.dumps([WEBHOOK_SECRET, headers, body.decode()])
    subprocess.run(["node", "-e", script], input=given, text=True, check=True, cwd=module)


def a_topic_gets_every_change_and_filters_by_attributes(s):
    inbox = s.sqs_of_moto.create_queue(QueueName=f"{s.table}-topic")["QueueUrl"]
    arn = s.sqs_of_moto.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    attributes = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"status": ["completed"], "done": ["true"]})}
    s.make("sns").subscribe(TopicArn=s.topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    receipt = s.order({"kind": "report", "rows": 1})

    def event():
        for m in s.sqs_of_moto.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10).get("Messages", []):
            event = json.loads(m["Body"])
            if event["subject"] == receipt["id"]:
                return event

    event = until("the topic's subscriber is told", event)
    assert event["data"]["status"] == "completed" and event["data"]["result_url"] is None, event


def a_step_functions_task_that_waits_is_ended_with_the_order(s):
    request("POST", f"{s.moto}/moto-api/config", {"stepfunctions": {"execute_state_machine": True}})
    tasks = s.sqs_of_moto.create_queue(QueueName=f"{s.table}-tasks")["QueueUrl"]
    wait = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True,
            "Parameters": {"QueueUrl": tasks, "MessageBody": {"token.$": "$$.Task.Token"}}}  # fmt: skip
    machine = json.dumps({"StartAt": "Wait", "States": {"Wait": wait}})
    sfn = s.make("stepfunctions")
    role = "arn:aws:iam::123456789012:role/x"
    arn = sfn.create_state_machine(name=f"m{os.getpid()}", definition=machine, roleArn=role)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    message = until("the task gives its token", lambda: s.sqs_of_moto.receive_message(QueueUrl=tasks).get("Messages"))
    token = json.loads(message[0]["Body"])["token"]
    receipt = s.order({"kind": "report", "rows": 1, "options": {"task_token": token}})
    told = lambda: (e := sfn.describe_execution(executionArn=execution)) and e["status"] != "RUNNING" and e  # noqa: E731
    ended = until("the execution ends", told)
    assert ended["status"] == "SUCCEEDED" and json.loads(ended["output"])["id"] == receipt["id"], ended


def a_connection_of_api_gateway_is_posted_to_as_aws_own_client_does(s):
    import boto3

    receiver = Receiver({"gone=": 410})
    receipt = s.order({"kind": "report", "rows": 1, "options": {"delay_seconds": 600}})
    key = {"pk": {"S": receipt["id"]}}
    for connection in ("there=", "gone="):
        row = {**key, "sk": {"S": f"conn#{connection}"}, "endpoint": {"S": receiver.base}, "expires_at": {"N": str(int(time.time()) + 3600)}}
        s.dynamodb.put_item(TableName=s.table, Item=row)
    watched = {"UpdateExpression": "SET watched = :yes", "ExpressionAttributeValues": {":yes": {"BOOL": True}}}
    s.dynamodb.update_item(TableName=s.table, Key={**key, "sk": {"S": "order"}}, **watched)
    request("DELETE", f"{s.api}/order/{receipt['id']}", authorization=f"Bearer {receipt['order_token']}")

    def rows():
        names = {":id": {"S": receipt["id"]}, ":c": {"S": "conn#"}}
        found = s.dynamodb.query(TableName=s.table, KeyConditionExpression="pk = :id AND begins_with(sk, :c)", ExpressionAttributeValues=names)
        return [r["sk"]["S"] for r in found["Items"]]

    until("410 removes the row", lambda: rows() == ["conn#there="])
    ours = until("it is posted to", lambda: next((g for g in receiver.all if "there" in g[0]), None))
    assert json.loads(ours[2])["data"]["status"] == "cancelled"
    # The same call by AWS's own library: the same path, and a signature of the same service over no fewer headers than it needs.
    theirs = boto3.client("apigatewaymanagementapi", endpoint_url=receiver.base, region_name="us-east-1",
                          aws_access_key_id="foreign", aws_secret_access_key="foreign-secret")  # fmt: skip
    theirs.post_to_connection(ConnectionId="there=", Data=ours[2])
    reference = receiver.all[-1]
    scope = lambda got: got[1]["Authorization"].split("Credential=")[1].split(",")[0].split("/", 2)[2]  # noqa: E731
    got = [{k.title(): v for k, v in one[1].items()} for one in (ours, reference)]
    assert (ours[0], ours[2]) == (reference[0], reference[2]), (ours[0], reference[0])
    assert scope((0, got[0])) == scope((0, got[1])) == "us-east-1/execute-api/aws4_request", got


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
]
# These need moto itself, whatever the other servers are.
PROMISES_OF_MOTO = [
    a_topic_gets_every_change_and_filters_by_attributes,
    a_step_functions_task_that_waits_is_ended_with_the_order,
    a_connection_of_api_gateway_is_posted_to_as_aws_own_client_does,
]


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("s3", "sqs", "dynamodb"):
        args.add_argument(f"--{name}", metavar="URL", help="a server that runs already, instead of moto")
    args.add_argument("--programs", type=pathlib.Path, default=TARGET / "debug", help="where offload-api and offload-worker are")
    args.add_argument("--differs", action="append", default=[], metavar="PROMISE", help="a promise that these servers are known not to keep")
    args = args.parse_args()
    try:
        import boto3  # noqa: F401
        import moto.server  # noqa: F401
        import standardwebhooks  # noqa: F401
    except ImportError:
        inside()
    moto, at = None, None
    servers = {name: getattr(args, name) for name in ("s3", "sqs", "dynamodb")}
    with tempfile.TemporaryFile() as log:
        if None in servers.values():
            port = free_port()
            moto = subprocess.Popen([pathlib.Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
            at = f"http://127.0.0.1:{port}"
            servers = {name: url or at for name, url in servers.items()}
            until("moto is ready", lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
        failed = 0
        try:
            system = System(servers, args.programs, at)
            for promise in PROMISES + (PROMISES_OF_MOTO if at else []):
                name = promise.__name__
                try:
                    note = promise(system)
                    print(f"ok      {name}{f' ({note})' if note else ''}", flush=True)
                except Exception as e:  # noqa: BLE001: each is told, and the others are tried
                    known = name in args.differs
                    failed += not known
                    print(f"{'differs' if known else 'FAILED '} {name}: {type(e).__name__}: {str(e)[:200]}", flush=True)
            system.stop()
        finally:
            if moto:
                moto.terminate()
                moto.wait()
    return 1 if failed else 0


sys.exit(main())
