"""Between Terraform's provider of AWS and moto, as the provider's HTTP proxy.

The provider addresses services by their names of DNS, which only a proxy can lead elsewhere, and
moto lacks some of what the provider relies on:

- API Gateway: the endpoint of a WebSocket API begins with `wss:`, and a domain is available;
- Budgets: who is notified, and tags;
- CloudWatch in CBOR (RPC v2), which is said again in JSON by botocore;
- the tags of S3's control API, for buckets, and those of what Auto Scaling scales;
- CodeDeploy: alarms of deployment groups, and deletions;
- ECS: `availabilityZoneRebalancing` of services;
- SSM: parameters that are asked for by their ARNs;
- SQS: `RedriveAllowPolicy`; it adds white space to `RedrivePolicy`, and forgets `Policy` where
  another attribute is set;
- Lambda: event sources of aliases, which it takes for those of their versions;
- S3: `transition_default_minimum_object_size` of lifecycle rules.

All else passes as it is. What is refused is printed.
"""

import datetime
import http.client
import http.server
import json
import re
import sys
import threading
import urllib.parse

HOP_BY_HOP = ("connection", "proxy-connection", "transfer-encoding")
S3_CONTROL = "http://awss3control.amazonaws.com/doc/2018-08-20/"
JSON_1_1 = {"content-type": "application/x-amz-json-1.1"}
MINIMUM_SIZE = "x-amz-transition-default-minimum-object-size"
MINIMUM_SIZE_DEFAULT = "all_storage_classes_128K"


def plain(value):
    """A value as CBOR takes it: without what is not set."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k != "ResponseMetadata" and v is not None}
    return [plain(v) for v in value] if isinstance(value, list) else value


def with_available_domains(answer):
    """The domain names of an answer, each with where DNS leads to."""
    said = json.loads(answer)
    for domain in said.get("items", [said]):
        if not (domain.get("mutualTlsAuthentication") or {}).get("truststoreUri"):
            domain.pop("mutualTlsAuthentication", None)
        for configuration in domain.get("domainNameConfigurations") or []:
            configuration["domainNameStatus"] = "AVAILABLE"
            configuration.setdefault("apiGatewayDomainName", "d-id.execute-api.eu-west-1.amazonaws.com")
            configuration.setdefault("hostedZoneId", "ZLY8HYME6SFDD")
    return json.dumps(said).encode()


class Translator(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, account):
        super().__init__(("127.0.0.1", 0), Handler)
        self.moto = urllib.parse.urlsplit(account.url)
        self.cloudwatch = account.client("cloudwatch")
        self.rebalancing, self.redrive_allow, self.queue_policies, self.minimum_size = {}, {}, {}, {}
        self.target_tags, self.budget_tags, self.notified = {}, [], []
        self.alarms, self.sources = {}, {}
        self.queues = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def translate(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if operation := re.match(r"/service/GraniteServiceVersion20100801/operation/(\w+)", url.path):
            return self.call_cloudwatch(operation[1], body)
        if url.path.startswith("/v20180820/tags/"):
            name = {"GET": "ListTagsForResourceResult", "POST": "TagResourceResult", "DELETE": "UntagResourceResult"}[self.command]
            return self.answer(200, {"content-type": "application/xml"}, f'<{name} xmlns="{S3_CONTROL}"><Tags/></{name}>'.encode())
        target = self.headers.get("x-amz-target", "")
        if target == "AnyScaleFrontendService.RegisterScalableTarget":
            self.server.target_tags = json.loads(body).get("Tags", {})
        if target == "AnyScaleFrontendService.ListTagsForResource":
            tags = json.dumps({"Tags": self.server.target_tags}).encode()
            return self.answer(200, JSON_1_1, tags)
        if target == "AWSBudgetServiceGateway.CreateBudget":
            self.server.budget_tags = json.loads(body).get("ResourceTags", [])
        if target == "AWSBudgetServiceGateway.CreateNotification":
            self.server.notified.append(json.loads(body))
        if target == "AWSBudgetServiceGateway.DescribeSubscribersForNotification":
            kind = json.loads(body)["Notification"]["NotificationType"]
            subscribers = [s for n in self.server.notified if n["Notification"]["NotificationType"] == kind for s in n["Subscribers"]]
            return self.answer(200, JSON_1_1, json.dumps({"Subscribers": subscribers}).encode())
        if target == "AWSBudgetServiceGateway.ListTagsForResource":
            return self.answer(200, JSON_1_1, json.dumps({"ResourceTags": self.server.budget_tags}).encode())
        if target.startswith("CodeDeploy_20141006.Delete"):
            return self.answer(200, JSON_1_1, b"{}")
        if target == "CodeDeploy_20141006.CreateDeploymentGroup":
            self.server.alarms[json.loads(body)["deploymentGroupName"]] = json.loads(body).get("alarmConfiguration")
        if target == "AmazonSSM.GetParameters":
            given = json.loads(body)
            given["Names"] = [name.partition(":parameter")[2] or name for name in given["Names"]]
            body = json.dumps(given).encode()
        if target.startswith("AmazonSQS."):
            return self.call_sqs(json.loads(body))
        status, headers, answer = self.call_moto(url, body)
        if target.startswith("AmazonEC2ContainerService"):
            answer = self.with_rebalancing(json.loads(body), answer)
        if target == "CodeDeploy_20141006.GetDeploymentGroup" and status == 200:
            said = json.loads(answer)
            said["deploymentGroupInfo"].pop("loadBalancerInfo", None)
            said["deploymentGroupInfo"]["alarmConfiguration"] = self.server.alarms[json.loads(body)["deploymentGroupName"]]
            answer = json.dumps(said).encode()
        if "/event-source-mappings" in url.path and status < 300:
            answer = self.with_alias(json.loads(body or b"{}"), json.loads(answer))
        if url.path.startswith("/v2/apis") and b'"WEBSOCKET"' in answer:
            answer = answer.replace(b'"apiEndpoint": "https:', b'"apiEndpoint": "wss:')
        if url.path.startswith("/v2/domainnames") and status < 300 and self.command != "DELETE":
            answer = with_available_domains(answer)
        if "lifecycle" in url.query and status < 300:
            bucket, kept = url.path.split("/")[1], self.server.minimum_size
            if self.command == "PUT":
                kept[bucket] = self.headers.get(MINIMUM_SIZE, MINIMUM_SIZE_DEFAULT)
            headers[MINIMUM_SIZE] = kept.get(bucket, MINIMUM_SIZE_DEFAULT)
        return self.answer(status, headers, answer)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do_PATCH = translate

    def call_moto(self, url, body):
        moto = self.server.moto
        headers = {k: v for k, v in self.headers.items() if k.lower() not in (*HOP_BY_HOP, "content-length", "host")}
        connection = http.client.HTTPConnection(moto.hostname, moto.port, timeout=60)
        path = url.path + ("?" + url.query if url.query else "")
        connection.request(self.command, path, body, {**headers, "Host": moto.netloc})
        response = connection.getresponse()
        answer = response.read()
        if response.status >= 400 and response.status != 404:
            said = answer[:300].decode(errors="replace")
            print(f"moto: {response.status} {self.command} {path} {self.headers.get('x-amz-target', '')} {said}", file=sys.stderr, flush=True)
        return response.status, {k.lower(): v for k, v in response.getheaders()}, answer

    def with_alias(self, given, said):
        called = given.get("FunctionName", "")
        if called.startswith("arn:"):
            self.server.sources[said["UUID"]] = called
        for source in said.get("EventSourceMappings", [said]):
            source["FunctionArn"] = self.server.sources.get(source["UUID"], source["FunctionArn"])
        return json.dumps(said).encode()

    def with_rebalancing(self, given, answer):
        said, kept, name = json.loads(answer or b"{}"), self.server.rebalancing, "availabilityZoneRebalancing"
        for service in [said.get("service") or {}, *said.get("services", [])]:
            arn = service.get("serviceArn")
            if name in given:
                kept[arn] = given[name]
            service[name] = kept.get(arn, "DISABLED")
        return json.dumps(said).encode()

    def call_sqs(self, given):
        action, kept = self.headers["x-amz-target"].removeprefix("AmazonSQS."), self.server.redrive_allow
        queue = given.get("QueueUrl", "").rsplit("/")[-1]
        if action == "GetQueueAttributes" and given.get("AttributeNames") == ["RedriveAllowPolicy"]:
            attributes = {"Attributes": {"RedriveAllowPolicy": kept[queue]}} if queue in kept else {}
            return self.answer(200, {"content-type": "application/x-amz-json-1.0"}, json.dumps(attributes).encode())
        # One at a time: each passes on the policy that another may just have set.
        with self.server.queues:
            if action == "SetQueueAttributes":
                given["Attributes"].setdefault("Policy", self.server.queue_policies.get(queue, ""))
                self.server.queue_policies[queue] = given["Attributes"]["Policy"]
            status, headers, answer = self.call_moto(urllib.parse.urlsplit(self.path), json.dumps(given).encode())
        if status == 200 and action == "SetQueueAttributes" and "RedriveAllowPolicy" in given["Attributes"]:
            kept[queue] = given["Attributes"]["RedriveAllowPolicy"]
        # An empty one takes it away.
        if status == 200 and (action == "DeleteQueue" or not kept.get(queue)):
            kept.pop(queue, None)
        if status == 200 and action == "GetQueueAttributes":
            said = json.loads(answer)
            attributes = said.setdefault("Attributes", {})
            if queue in kept:
                attributes["RedriveAllowPolicy"] = kept[queue]
            if "RedrivePolicy" in attributes:
                attributes["RedrivePolicy"] = json.dumps(json.loads(attributes["RedrivePolicy"]), separators=(",", ":"))
            answer = json.dumps(said).encode()
        return self.answer(status, headers, answer)

    def call_cloudwatch(self, operation, body):
        import botocore.exceptions
        import cbor2
        from botocore import xform_name

        headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        try:
            said = getattr(self.server.cloudwatch, xform_name(operation))(**plain(cbor2.loads(body) if body else {}))
            answer = cbor2.dumps(plain(said), datetime_as_timestamp=True, timezone=datetime.timezone.utc)
            return self.answer(200, headers, answer)
        except botocore.exceptions.ClientError as e:
            error = e.response["Error"]
            refusal = {"__type": f"com.amazonaws.cloudwatch#{error['Code']}", "message": error.get("Message", "")}
            return self.answer(400, headers, cbor2.dumps(refusal))

    def answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers.items():
            if name not in HOP_BY_HOP and not (name == "content-length" and self.command != "HEAD"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass
