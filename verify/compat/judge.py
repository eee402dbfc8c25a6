"""Checks of a notification: it is an event of its order, and botocore signs its request the same
way."""

import json


def event_of(text, receipt):
    """A CloudEvent of the order, in structured mode."""
    event = json.loads(text)
    assert event["specversion"] == "1.0" and event["type"] and event["source"] and event["time"], event
    assert event["subject"] == receipt["id"] and event["id"] == f"{receipt['id']}/{event['revision']}", event
    assert event["data"]["revision"] == event["revision"], event
    return event


def signed_as_by_botocore(s, call, url, service):
    """Botocore gives this request the same signature, at the time that the request names."""
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
