"""Takes orders from the queue and ends them, by boto3 and threads."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

from orders import Status, now

BUCKET, TABLE, QUEUE = (os.environ[f"OFFLOAD_{name}"] for name in ("BUCKET", "TABLE", "QUEUE_URL"))
AT_ONCE = 10
CONFIG = Config(max_pool_connections=2 * AT_ONCE, request_checksum_calculation="when_required", s3={"addressing_style": "path"})

s3, sqs, dynamodb = (boto3.client(service, config=CONFIG) for service in ("s3", "sqs", "dynamodb"))


def transition(id: str, revision: int, status: str, more: dict) -> dict:
    """Stores the next state, if the order still has the one before."""
    values = {":before": {"N": str(revision - 1)}, ":revision": {"N": str(revision)}, ":status": {"S": status}, **more}
    sets = ", ".join(f"#{name[1:]} = {name}" for name in values if name != ":before")
    answer = dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": id}, "sk": {"S": "order"}},
        UpdateExpression=f"SET {sets}",
        ConditionExpression="#revision = :before",
        ExpressionAttributeNames={f"#{name[1:]}": name[1:] for name in values if name != ":before"},
        ExpressionAttributeValues=values,
        ReturnValues="ALL_NEW",
    )
    return answer["Attributes"]


def work(message: dict) -> dict | None:
    """Claims the order of a message and ends it; the message, if it is to be deleted."""
    envelope = json.loads(message["Body"])
    started = now()
    time = {"S": started.isoformat()}
    row = transition(envelope["id"], 2, "processing", {":started_at": time, ":updated_at": time})
    payload = json.loads(row["payload"]["S"])
    result = {"packed": len(payload.get("items", []))}
    finished = now()
    time = {"S": finished.isoformat()}
    more = {":finished_at": time, ":updated_at": time, ":result": {"S": json.dumps(result)}}
    transition(envelope["id"], 3, "completed", more)
    status = Status(
        id=envelope["id"],
        status="completed",
        done=True,
        revision=3,
        attempt=1,
        created_at=started,
        updated_at=finished,
        started_at=started,
        finished_at=finished,
        result=result,
        renew=row["renew"]["S"],
    )
    s3.put_object(
        Bucket=BUCKET,
        Key=envelope["key"],
        Body=status.model_dump_json().encode(),
        ContentType="application/json",
        CacheControl="no-cache",
        IfMatch=envelope["etag"],
    )
    return {"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]}


def main():
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while True:
            answer = sqs.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages=10, WaitTimeSeconds=20, VisibilityTimeout=30)
            if done := list(pool.map(work, answer.get("Messages", []))):
                sqs.delete_message_batch(QueueUrl=QUEUE, Entries=done)


if __name__ == "__main__":
    main()
