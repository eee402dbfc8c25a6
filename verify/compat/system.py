"""A system on servers of other projects: bucket, table and queues there, and the real programs."""

import base64
import contextlib
import itertools
import json
import os
import subprocess

from wire import PATIENCE, free_port, request, until

SECRET = "only-for-tests-0123456789abcdef01"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class System:
    """Bucket, table and queues on the servers, and the real programs."""

    count = itertools.count(1)

    def __init__(self, servers, programs, worker=None, **more):
        own = worker or {}
        self.servers, self.programs = servers, programs
        self.keys = {"AWS_ACCESS_KEY_ID": "compat", "AWS_SECRET_ACCESS_KEY": "compat-secret", "AWS_REGION": "us-east-1"}
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
        self.notifications, undelivered = self.queues(f"{name}-notifications")
        self.topic = self.client("sns", servers["moto"]).create_topic(Name=name)["TopicArn"]
        port = free_port()
        self.api = f"http://127.0.0.1:{port}"
        self.environment = {
            "PATH": os.environ["PATH"], **self.keys,
            "AWS_ENDPOINT_URL_S3": servers["s3"], "AWS_ENDPOINT_URL_SQS": servers["sqs"],
            "AWS_ENDPOINT_URL_DYNAMODB": servers["dynamodb"],
            "AWS_ENDPOINT_URL_SNS": servers["moto"], "AWS_ENDPOINT_URL_SFN": servers["moto"],
            "OFFLOAD_BUCKET": name, "OFFLOAD_TABLE": name, "OFFLOAD_QUEUE_URL": self.queue, "OFFLOAD_LOG": "error",
            "OFFLOAD_NOTIFICATIONS_QUEUE_URL": self.notifications, "OFFLOAD_NOTIFICATIONS_DEAD_LETTER_QUEUE_URL": undelivered,
            "OFFLOAD_EVENT_TOPIC_ARN": self.topic, "OFFLOAD_INTERNAL_SECRET": SECRET, "OFFLOAD_WEBHOOK_INSECURE_LOOPBACK": "true",
        }  # fmt: skip
        self.environment = {k: v for k, v in {**self.environment, **more}.items() if v is not None}
        api = {"OFFLOAD_AUTH": "none", "OFFLOAD_TOKEN_SECRET": SECRET, "OFFLOAD_LISTEN": f"127.0.0.1:{port}", "OFFLOAD_WEBHOOKS": "true"}
        worker = {
            "OFFLOAD_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "OFFLOAD_DEAD_LETTER_QUEUE_URL": self.dead, "OFFLOAD_PROCESSOR": "demo", "OFFLOAD_JOB_SECONDS": "0.2", "OFFLOAD_PROGRESS_WRITES": "live",
            "OFFLOAD_VISIBILITY_SECONDS": "3",
            "OFFLOAD_SWEEP_SECONDS": "1", "OFFLOAD_SWEEP_AFTER_SECONDS": "2", "OFFLOAD_CANCEL_CHECK_SECONDS": "0.2",
        }  # fmt: skip
        worker = {k: v for k, v in {**worker, **own}.items() if v is not None}
        self.api_command = ([programs / "offload-api"], {**self.environment, **api})
        self.api_program = subprocess.Popen(self.api_command[0], env=self.api_command[1])
        self.worker_command = ([programs / "offload-worker"], {**self.environment, **worker})
        self.worker = self.start_worker()
        until("the api is ready", self.ready)

    @contextlib.contextmanager
    def another(self, **more):
        """A second system on the same servers with other settings; `None` leaves a setting out."""
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
        status, _, response = request("POST", f"{self.api}/order", body, **headers)
        assert status == 202, (status, response)
        return json.loads(response)

    def has_notified(self):
        """Whether no notification is waiting any more."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.notifications, AttributeNames=names)["Attributes"]
        return all(int(n) == 0 for n in counts.values())

    def token(self, receipt):
        return {"authorization": f"Bearer {receipt['order_token']}"}

    def cancel(self, receipt):
        status, _, _ = request("DELETE", f"{self.api}/order/{receipt['id']}", **self.token(receipt))
        assert status == 202 and self.done(receipt)["status"] == "cancelled", status

    def poll(self, receipt, **headers):
        status, got, body = request("GET", receipt["status_url"], **headers)
        return status, got, json.loads(body) if status == 200 else body

    def done(self, receipt):
        return until("the order ends", lambda: (o := self.poll(receipt)[2]) and isinstance(o, dict) and o["done"] and o)


def later(**options):
    """An order that waits until it is cancelled."""
    return {"kind": "report", "rows": 1, "options": {"delay_seconds": 600, **options}}


def slow(**options):
    """An order that is published as processing, and whose result is linked."""
    return {"kind": "report", "rows": 1000, "delay_ms": 2000, "options": options}
