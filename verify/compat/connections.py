"""Connections of an API Gateway WebSocket API: on moto, and call by call beside botocore."""

import time

from judge import event_of, signed_as_by_botocore
from system import later
from wire import recorder, until

# As API Gateway makes them: with `=` at the end, which has to be escaped in the path.
CONNECTION = "L0SM9cOFvHcCIhw="


def subscribe(s, receipt, endpoint):
    """Subscribes a made-up connection to an order, as a function behind API Gateway does; the key
    of its row."""
    key = {"pk": {"S": receipt["id"]}, "sk": {"S": f"conn#{CONNECTION}"}}
    row = {**key, "holder": {"S": "api_gateway"}, "endpoint": {"S": endpoint}, "expires_at": {"N": str(int(time.time()) + 3600)}}
    s.dynamodb.put_item(TableName=s.name, Item=row)
    s.dynamodb.update_item(
        TableName=s.name, Key={"pk": key["pk"], "sk": {"S": "order"}}, UpdateExpression="SET subscribed = :yes",
        ConditionExpression="attribute_exists(revision)", ExpressionAttributeValues={":yes": {"BOOL": True}},
    )  # fmt: skip
    return key


def the_calls_to_a_connection_match_botocore(s):
    # With the secret that api servers share, a worker takes an endpoint outside of AWS for one of
    # them.
    with recorder() as gateway, recorder() as judge, s.another(OFFLOAD_INTERNAL_SECRET=None) as other:
        receipt = other.order(later())
        key = subscribe(other, receipt, f"{gateway.url}/stage")
        other.cancel(receipt)
        until("the connection is called", lambda: gateway.calls)
        for call in gateway.calls:
            assert event_of(call.body, receipt)["data"]["status"] == "cancelled"
            other.client("apigatewaymanagementapi", f"{judge.url}/stage").post_to_connection(ConnectionId=CONNECTION, Data=call.body)
            same = judge.calls.pop()
            assert (call.method, call.path, call.body) == (same.method, same.path, same.body), (call.path, same.path)
            assert call.headers["content-type"] == same.headers["content-type"], call.headers["content-type"]
            signed_as_by_botocore(other, call, gateway.url, "execute-api")
            signed_as_by_botocore(other, same, judge.url, "execute-api")
        assert "Item" in other.dynamodb.get_item(TableName=other.name, Key=key), "an open connection stays subscribed"


def a_connection_gets_every_change(s):
    gateway = s.client("apigatewaymanagementapi", s.servers["moto"])
    with s.another(OFFLOAD_INTERNAL_SECRET=None) as other:
        receipt = other.order(later())
        key = subscribe(other, receipt, s.servers["moto"])
        before = time.time()
        other.cancel(receipt)
        until("every notification is sent", other.has_notified)
        # Moto creates a connection at the first call that names it, be it this one, and keeps the
        # time.
        time.sleep(2)
        connected_at = gateway.get_connection(ConnectionId=CONNECTION)["ConnectedAt"].timestamp()
        assert before - 1 <= connected_at <= time.time() - 1, (before, connected_at, time.time())
        assert "Item" in other.dynamodb.get_item(TableName=other.name, Key=key)


def a_connection_that_is_gone_is_unsubscribed(s):
    with recorder(410) as gateway, s.another(OFFLOAD_INTERNAL_SECRET=None) as other:
        receipt = other.order(later())
        key = subscribe(other, receipt, gateway.url)
        other.cancel(receipt)
        until("it is unsubscribed", lambda: "Item" not in other.dynamodb.get_item(TableName=other.name, Key=key))
        assert len(gateway.calls) == 1, gateway.calls
