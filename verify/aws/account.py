"""An account of AWS that moto (PyPI) plays: a process, and clients of its services."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import boto3
from botocore.config import Config
from translator import Translator
from wire import free_port, until

REGION = "eu-west-1"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": REGION}


class Account:
    """Its own resources: nothing is shared with another one."""

    def __init__(self, home):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        server = pathlib.Path(__file__).parent / "moto_server.py"
        command = [sys.executable, server, "-H", "127.0.0.1", "-p", str(port)]
        # Roles have policies of AWS attached, which moto loads when it is asked to.
        environment = {**os.environ, "MOTO_PORT": str(port), "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
        with open(home / "moto.log", "wb") as log:
            self.moto = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        until("moto is ready", lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
        self.translator = Translator(self)

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, config=Config(s3={"addressing_style": "path"}),
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip

    def left(self):
        """What there is of that a deployment makes."""
        made = {
            "buckets": [b["Name"] for b in self.client("s3").list_buckets()["Buckets"]],
            "tables": self.client("dynamodb").list_tables()["TableNames"],
            "queues": self.client("sqs").list_queues().get("QueueUrls", []),
            "functions": [f["FunctionName"] for f in self.client("lambda").list_functions()["Functions"]],
            "roles": [r["RoleName"] for r in self.client("iam").list_roles()["Roles"]],
            "apis": [a["Name"] for a in self.client("apigatewayv2").get_apis()["Items"]],
            "alarms": [a["AlarmName"] for a in self.client("cloudwatch").describe_alarms()["MetricAlarms"]],
            "log groups": [g["logGroupName"] for g in self.client("logs").describe_log_groups()["logGroups"]],
            "parameters": [p["Name"] for p in self.client("ssm").describe_parameters()["Parameters"]],
            "schedules": [s["Name"] for s in self.client("scheduler").list_schedules()["Schedules"]],
        }
        return {kind: names for kind, names in made.items() if names}

    def secrets(self):
        """What the parameters of SSM hold, by their names."""
        ssm = self.client("ssm")
        names = [p["Name"] for p in ssm.describe_parameters()["Parameters"]]
        return {name: ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] for name in names}

    def policies(self):
        """Every policy of a role, bucket and queue, by what it belongs to."""
        iam, s3, sqs = self.client("iam"), self.client("s3"), self.client("sqs")
        for role in iam.list_roles()["Roles"]:
            name = role["RoleName"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                yield f"role {name}, policy {policy}", document
        for bucket in s3.list_buckets()["Buckets"]:
            yield f"bucket {bucket['Name']}", json.loads(s3.get_bucket_policy(Bucket=bucket["Name"])["Policy"])
        for url in sqs.list_queues().get("QueueUrls", []):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            if "Policy" in attributes:
                yield f"queue {url.rsplit('/')[-1]}", json.loads(attributes["Policy"])

    def stop(self):
        self.translator.shutdown()
        self.moto.terminate()
        self.moto.wait()
