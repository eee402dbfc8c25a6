"""What is promised of a deployment that was applied, on the real programs: each function is started
with the environment that Terraform rendered, and its event sources are those that Terraform
made."""

import contextlib
import json
import shlex
import subprocess

from account import KEYS
from function import Function
from wire import PATIENCE, recorder, request, until

ORDER = {"kind": "fulfilment", "items": [{"sku": "A-1", "quantity": 2}]}
DOMAIN = "id.execute-api.eu-west-1.amazonaws.com"
CONNECTION = "L0SM9cOFvHcCIhw="


class Running:
    """The functions of a deployment, and Lambda's part: what feeds them."""

    def __init__(self, deployment, stack, programs, **replaced):
        self.deployment, self.account = deployment, deployment.account
        self.functions, by_package = {}, deployment.programs(programs)
        for name, environment in deployment.environments().items():
            program = by_package["offload-api" if name.endswith("-api") else "offload-worker"]
            if name.startswith("container "):
                continue
            function = Function(program, name, environment, self.account, deployment.home / f"{name}.log", **replaced)
            stack.callback(function.stop)
            self.functions[name] = function
        self.sources = deployment.of_type("aws_lambda_event_source_mapping")
        self.sqs = self.account.client("sqs")
        self.seen = set()

    def of(self, part):
        return next(f for name, f in self.functions.items() if name.endswith(f"-{part}"))

    def feed(self):
        """Gives each function what its event sources have now, once."""
        for source in self.sources:
            name = called(source["function_name"])
            if ":dynamodb:" in source["event_source_arn"]:
                self.feed_stream(source, self.functions[name])
            else:
                self.feed_queue(source, self.functions[name])

    def feed_queue(self, source, function):
        arn = source["event_source_arn"]
        url = self.sqs.get_queue_url(QueueName=arn.rsplit(":")[-1])["QueueUrl"]
        batch = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=min(10, source["batch_size"]), WaitTimeSeconds=0, AttributeNames=["All"], MessageAttributeNames=["All"]
        ).get("Messages", [])  # fmt: skip
        if not batch:
            return
        answer = function.invoke({"Records": [record_of(message, arn) for message in batch]})
        failed = {f["itemIdentifier"] for f in answer["batchItemFailures"]}
        for message in batch:
            if message["MessageId"] not in failed:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def feed_stream(self, source, function):
        streams, arn = self.account.client("dynamodbstreams"), source["event_source_arn"]
        records = []
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
            records += streams.get_records(ShardIterator=at["ShardIterator"])["Records"]
        fresh = [r for r in records if r["eventID"] not in self.seen]
        self.seen.update(r["eventID"] for r in fresh)
        for record in fresh:
            record["eventSourceARN"] = arn
            record["dynamodb"]["ApproximateCreationDateTime"] = record["dynamodb"]["ApproximateCreationDateTime"].timestamp()
        wanted = [json.loads(f["pattern"]) for c in source["filter_criteria"] for f in c["filter"]]
        fresh = [r for r in fresh if not wanted or any(matches(pattern, r) for pattern in wanted)]
        if fresh:
            answer = function.invoke({"Records": fresh})
            assert answer["batchItemFailures"] == [], answer

    def call(self, method, path, headers, body=None):
        """A request by the HTTP API; status and body of the answer."""
        context = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "client"}
        event = {
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
            "headers": {"content-type": "application/json", **headers}, "body": body and json.dumps(body), "isBase64Encoded": False,
            "requestContext": {
                "accountId": "123456789012", "apiId": "id", "domainName": DOMAIN, "domainPrefix": "id", "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "$default", "stage": "$default", "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1583348638390, "http": context,
            },
        }  # fmt: skip
        answer = self.of("api").invoke(event)
        return answer["statusCode"], json.loads(answer["body"])

    def connection(self, route, body=None, query=None):
        """An event of the WebSocket API; status and body of the answer."""
        kind = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE")
        event = {
            "headers": {"Host": DOMAIN}, "multiValueHeaders": {"Host": [DOMAIN]}, "queryStringParameters": query,
            "requestContext": {
                "routeKey": route, "eventType": kind, "extendedRequestId": "TWegAcC4EowCHnA=", "requestTime": "28/Jan/2026:09:38:17 +0000",
                "messageDirection": "IN", "stage": "push", "connectedAt": 1580204296887, "requestTimeEpoch": 1580204297000,
                "identity": {"userAgent": "client", "sourceIp": "192.0.2.1"}, "requestId": "HH0xNEcZjoEFovQ=",
                "domainName": DOMAIN, "connectionId": CONNECTION, "apiId": "id",
            },
            "body": body and json.dumps(body), "isBase64Encoded": False,
        }  # fmt: skip
        answer = self.of("api").invoke(event)
        return answer["statusCode"], json.loads(answer.get("body") or "null")


def called(arn):
    """The function that is called by the ARN of an alias, which alone is called."""
    *_, name, alias = arn.split(":")
    assert alias in ("live", "shifted"), f"{arn} is no alias"
    return name


def record_of(message, arn):
    """A message as Lambda gives it to a function."""
    attributes = {
        name: {"stringValue": value.get("StringValue"), "stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"], "md5OfBody": message["MD5OfBody"],
        "attributes": message["Attributes"], "messageAttributes": attributes, "eventSource": "aws:sqs", "eventSourceARN": arn, "awsRegion": "eu-west-1",
    }  # fmt: skip


def matches(pattern, value):
    """Whether Lambda's filter passes a record; of its patterns those that are used here: members,
    and values of which one is right.

    <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>
    """
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(matches(wanted, value.get(name)) for name, wanted in pattern.items())
    assert not any(isinstance(wanted, dict) for wanted in pattern), f"a pattern that is not known here: {pattern}"
    return value in pattern


def key_of(deployment, programs):
    """An API key that may do everything, made as an operator makes it: with the output that says
    what is where."""
    exports = deployment.output("environment").splitlines()
    of_deployment = dict(line.removeprefix("export ").split("=", 1) for line in exports)
    environment = {**of_deployment, **KEYS, "AWS_ENDPOINT_URL": deployment.account.url}
    command = [programs / "offload", "keys", "create", "--name", "operator", "--roles", "submit,view,operate,admin", "--json"]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)["key"]


@contextlib.contextmanager
def without_bucket_policy(account):
    """Moto knows no conditions: what the policy denies to requests without TLS it denies to all."""
    s3 = account.client("s3")
    policies = {b["Name"]: s3.get_bucket_policy(Bucket=b["Name"])["Policy"] for b in s3.list_buckets()["Buckets"]}
    for bucket in policies:
        s3.delete_bucket_policy(Bucket=bucket)
    try:
        yield
    finally:
        for bucket, policy in policies.items():
            s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def a_new_version_is_called_by_its_command(deployment):
    """The command names the version that is called and the newest one, of a group that there is."""
    functions, deploy = deployment.account.client("lambda"), deployment.account.client("codedeploy")
    commands = deployment.output("canary")
    assert set(commands) == {"api", "worker"}, commands
    for part, command in commands.items():
        words = shlex.split(command)
        given = dict(zip(words[3::2], words[4::2], strict=True))
        revision = json.loads(given["--revision"])
        content = json.loads(revision["appSpecContent"]["content"])
        properties = content["Resources"][0][part]["Properties"]
        assert properties == {"Name": f"offload-{part}", "Alias": "shifted", "CurrentVersion": "1", "TargetVersion": "2"}, properties
        assert functions.get_alias(FunctionName=f"offload-{part}", Name="shifted")["FunctionVersion"] == "1"
        # Moto forgets the alarms.
        alarms = deployment.account.translator.alarms[given["--deployment-group-name"]]
        assert {"name": f"offload-{part}-errors"} in alarms["alarms"] and alarms["enabled"], alarms
        started = deploy.create_deployment(
            applicationName=given["--application-name"], deploymentGroupName=given["--deployment-group-name"], revision=revision
        )  # fmt: skip
        assert started["deploymentId"], started
    assert functions.get_alias(FunctionName="offload-notifier", Name="live")["FunctionVersion"] == "2", "the others change at once"
    return f"{len(commands)} commands"


def no_secret_is_left(deployment, programs):
    """Neither in the state, nor in a plan, nor in a function's configuration: each was drawn, and
    read back from the account alone."""
    secrets = deployment.account.secrets()
    assert len(set(secrets.values())) == len(secrets) >= 2, sorted(secrets)
    texts = [*deployment.texts(), json.dumps(deployment.environments())]
    for name, value in secrets.items():
        assert len(value) >= 64 and not any(value in text for text in texts), f"{name} is in what Terraform leaves"
    return f"{len(secrets)} secrets, {sum(map(len, texts)) // 1024} KiB of texts"


def each_function_starts(deployment, programs):
    with contextlib.ExitStack() as stack:
        functions = Running(deployment, stack, programs).functions
        for function in functions.values():
            function.started()
    packed = all(f.program.parent == deployment.home for f in functions.values())
    return f"{len(functions)} functions, of {'their packages' if packed else programs}"


def each_container_starts(deployment, programs):
    """It works on its queue, until it is stopped. The work's own program is in an image that is
    not here: another takes its place."""
    containers = {name: e for name, e in deployment.environments().items() if name.startswith("container ")}
    for name, environment in containers.items():
        here = {**KEYS, "AWS_ENDPOINT_URL": deployment.account.url, "OFFLOAD_COMMAND": "/bin/cat", "PATH": "/usr/bin:/bin"}
        log = deployment.home / f"{name.replace(' ', '-')}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen([programs / "offload-worker"], env={**environment, **here}, stdout=out, stderr=out)
        try:
            until(f"{name} has started", lambda: process.poll() is not None or "worker started" in log.read_text())
            assert process.poll() is None, f"{name} ended with {process.returncode}: {log.read_text().splitlines()[-1:]}"
            process.terminate()
            assert process.wait(PATIENCE) == 0, f"{name} ended with {process.returncode} after SIGTERM"
        finally:
            process.kill()
            process.wait()
    return f"{len(containers)} containers"


def an_order_ends_and_its_connection_is_notified(deployment, programs):
    """By API Gateway's event into the api, by SQS into the worker; its status is read from the
    bucket by the URL of its receipt, and pushed to a connection of the WebSocket API."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(without_bucket_policy(deployment.account))
        management = stack.enter_context(recorder())
        # Where API Gateway takes what goes to its connections: the one value of the environment
        # that this machine cannot have.
        running = Running(deployment, stack, programs, OFFLOAD_MANAGEMENT_URL=f"{management.url}/push")
        for function in running.functions.values():
            function.started()
        caller = {"authorization": f"Bearer {key_of(deployment, programs)}"}
        status, receipt = running.call("POST", "/order", caller, ORDER)
        assert status == 202, (status, receipt)
        status, answer = running.connection("$connect")
        assert status == 200, (status, answer)
        subscribe = {"action": "subscribe", "id": receipt["id"], "token": receipt["order_token"]}
        status, answer = running.connection("subscribe", subscribe)
        assert status == 200, (status, answer)

        def ended():
            running.feed()
            status, _, body = request("GET", receipt["status_url"])
            assert status == 200, (status, body)
            return (o := json.loads(body))["done"] and o

        done = until("the order ends", ended)
        assert done["status"] == "completed", done

        def notified():
            running.feed()
            events = [json.loads(call.body) for call in management.calls]
            return any(e["subject"] == receipt["id"] and e["data"]["done"] for e in events)

        until("the connection is notified of the end", notified)
        assert {call.path for call in management.calls} == {"/push/@connections/L0SM9cOFvHcCIhw%3D"}, management.calls
        assert running.connection("$disconnect")[0] == 200
        if sweeper := next((f for name, f in running.functions.items() if name.endswith("-sweeper")), None):
            sweeper.invoke({"offload": "sweep"})
    return f"{len(management.calls)} events"
