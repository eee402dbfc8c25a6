"""The promises to a client that polls."""

import concurrent.futures
import json

from system import later
from wire import request, until


def an_order_completes_and_its_object_is_revalidated(s):
    receipt = s.order()
    assert s.done(receipt)["status"] == "completed"
    _, headers, _ = s.poll(receipt)
    status, _, body = s.poll(receipt, If_None_Match=headers["ETag"])
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
    until("it runs", lambda: s.poll(receipt)[2]["status"] == "processing")
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
