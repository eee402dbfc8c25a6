"""Webhooks, verified by the libraries of Standard Webhooks."""

import json
import subprocess

from judge import event_of
from packages import run_node
from system import WEBHOOK_SECRET, slow
from wire import recorder, request, until

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


def secret_of(s, url):
    """The receiver's own secret, as the operator gives it to the receiver."""
    command = [s.programs / "offload", "webhooks", "secret", url]
    return subprocess.check_output(command, env={"OFFLOAD_WEBHOOK_SECRET": WEBHOOK_SECRET}, text=True).strip()


def a_webhook_is_verified_by_the_libraries_of_standard_webhooks(s):
    from standardwebhooks import Webhook, WebhookVerificationError

    with recorder() as receiver:
        receipt = s.order(slow(webhook_url=f"{receiver.url}/hook"))
        done = s.done(receipt)
        until("the webhook ends", lambda: any(json.loads(c.body)["data"]["done"] for c in list(receiver.calls)))
        delivered = lambda d: d["state"] == "delivered" and d["channel"] == "webhook"  # noqa: E731
        order = lambda: json.loads(request("GET", f"{s.api}/order/{receipt['id']}", **s.token(receipt))[2])  # noqa: E731
        until("it is listed", lambda: (d := order()["deliveries"]) and d[0]["revision"] == done["revision"] and all(map(delivered, d)))
    secret = secret_of(s, f"{receiver.url}/hook")
    for call in receiver.calls:
        assert (call.method, call.path, call.headers["content-type"]) == ("POST", "/hook", "application/cloudevents+json"), call
        headers, body = dict(call.headers), call.body.decode()
        assert Webhook(secret).verify(body, headers) == event_of(body, receipt)
        assert headers["webhook-id"] == event_of(body, receipt)["id"]
        for tampered in (body.replace(receipt["id"], receipt["id"][::-1]), body + " "):
            try:
                Webhook(secret).verify(tampered, headers)
            except WebhookVerificationError:
                continue
            raise AssertionError("a tampered body is verified")
    events = {e["revision"]: e["data"] for e in (event_of(c.body, receipt) for c in receiver.calls)}
    assert {e["status"] for e in events.values()} == {"processing", "completed"}, events
    assert events[done["revision"]] == done, "the last event has the current object"
    verified_by_node(secret, receiver.calls)


def verified_by_node(secret, calls):
    signed = {"secret": secret, "calls": [{"headers": dict(c.headers), "body": c.body.decode()} for c in calls]}
    ran = run_node(NODE, json.dumps(signed))
    if ran is None:
        print("        without node: npm's standardwebhooks is skipped", flush=True)
        return
    assert (ran.returncode, ran.stdout) == (0, f"{len(calls)}\n"), ran.stderr
