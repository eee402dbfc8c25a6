"""The SNS topic, on moto."""

import json

from judge import event_of
from system import slow
from wire import until


def a_topic_gets_every_change_with_its_attributes(s):
    sns, sqs = s.client("sns", s.servers["moto"]), s.client("sqs", s.servers["moto"])

    def subscribed_queue(name, **attributes):
        queue = sqs.create_queue(QueueName=f"{s.name}-{name}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=s.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true", **attributes})
        return queue

    def receive(queue, received):
        more = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])
        received += [m for m in more if receipt["id"] in m["Body"]]
        return any(json.loads(m["Body"])["data"]["done"] for m in received)

    every, completed = subscribed_queue("every"), subscribed_queue("completed", FilterPolicy=json.dumps({"status": ["completed"]}))
    receipt, unfiltered, filtered = s.order(slow()), [], []
    done = s.done(receipt)
    until("the topic gets the end", lambda: receive(every, unfiltered))
    until("a filter passes the end", lambda: receive(completed, filtered))
    for message in unfiltered + filtered:
        event = event_of(message["Body"], receipt)
        data, attributes = event["data"], message["MessageAttributes"]
        sent = {name: (a["DataType"], a["StringValue"]) for name, a in attributes.items()}
        expected = {"status": ("String", data["status"]), "done": ("String", json.dumps(data["done"])), "revision": ("Number", str(event["revision"]))}
        assert sent == expected, sent
        assert data["result_url"] is None and "X-Amz-Signature" not in message["Body"], "a reader of the topic may not read results"
    assert done["result_url"], "the result has a URL to keep out"
    assert {json.loads(m["Body"])["data"]["status"] for m in unfiltered} == {"processing", "completed"}
    assert {json.loads(m["Body"])["data"]["status"] for m in filtered} == {"completed"}
