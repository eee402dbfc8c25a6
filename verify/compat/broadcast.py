"""Servers that get every change of every order: AppSync Events and a Mercure hub."""

import json
import urllib.parse

from judge import event_of, signed_as_by_botocore
from system import slow
from wire import recorder, until


def check_events(server, receipt, events):
    """Waits for the last event of an order, and checks all of them."""
    mine = lambda: [e for c in list(server.calls) for e in events(c) if receipt["id"] in e]  # noqa: E731
    until("the last event arrives", lambda: any(json.loads(e)["data"]["done"] for e in mine()))
    received = [event_of(e, receipt) for e in mine()]
    assert {e["data"]["status"] for e in received} == {"processing", "completed"}, received
    assert all(e["data"]["result_url"] is None for e in received), "a reader of every event may not read results"


def an_appsync_channel_gets_every_change(s):
    # https://docs.aws.amazon.com/appsync/latest/eventapi/publish-http.html
    events = lambda call: json.loads(call.body)["events"]  # noqa: E731
    with recorder() as appsync:
        settings = {"OFFLOAD_APPSYNC_URL": f"{appsync.url}/event"}
        with s.another(**settings, OFFLOAD_APPSYNC_API_KEY="da2-key") as other:
            receipt = other.order(slow())
            assert other.done(receipt)["result_url"]
            check_events(appsync, receipt, events)
        for call in appsync.calls:
            assert (call.method, call.path, call.headers["content-type"]) == ("POST", "/event", "application/json"), call
            assert (call.headers["x-api-key"], call.headers["authorization"]) == ("da2-key", None), call
            body = json.loads(call.body)
            assert set(body) == {"channel", "events"} and body["channel"] == f"/orders/{receipt['id']}", body
            assert 1 <= len(body["events"]) <= 5 and all(isinstance(e, str) for e in body["events"]), body
        appsync.calls.clear()
        with s.another(**settings) as other:
            receipt = other.order(slow())
            check_events(appsync, receipt, events)
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
            check_events(hub, receipt, lambda call: [form(call)["data"]])
            topic = f"{other.api}/order/{receipt['id']}"
        for call in hub.calls:
            assert (call.method, call.path, call.headers["content-type"]) == ("POST", path, "application/x-www-form-urlencoded"), call
            assert call.headers["authorization"] == "Bearer a.b.c"
            fields = form(call)
            assert set(fields) == {"topic", "data", "private", "id", "type"}, fields
            assert (fields["topic"], fields["private"], fields["type"]) == (topic, "on", "status"), fields
            # An IRI, of one revision.
            assert fields["id"] == f"urn:uuid:{receipt['id']}:{json.loads(fields['data'])['revision']}", fields
