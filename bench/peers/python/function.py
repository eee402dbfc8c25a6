"""POST /order as a function of Lambda, by boto3 and the Runtime API alone."""

import http.client
import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config

BUCKET, TABLE, QUEUE = (os.environ[f"OFFLOAD_{name}"] for name in ("BUCKET", "TABLE", "QUEUE_URL"))
CONFIG = Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"}, signature_version="s3v4")
URL_LIVES = 900

s3 = boto3.client("s3", config=CONFIG)
sqs, dynamodb = boto3.client("sqs"), boto3.client("dynamodb")
pool = ThreadPoolExecutor(3)


def text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


def accept(order: dict) -> dict:
    id, created = str(uuid.uuid4()), datetime.now(timezone.utc)
    key, renew = f"status/{id[-2:]}/{id}.json", f"https://api.example.com/order/{id}"
    attributes = sqs.get_queue_attributes(QueueUrl=QUEUE, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    depth = int(attributes["ApproximateNumberOfMessages"])
    # By the mean of two seconds, over ten workers.
    seconds = 2.0 * (1 + depth / 10)
    later = lambda seconds: text(created + timedelta(seconds=seconds))  # noqa: E731
    window = {"at": later(seconds), "earliest_at": later(seconds * 0.7), "latest_at": later(seconds * 1.6)}
    none = dict.fromkeys(
        ("started_at", "finished_at", "progress", "result", "result_url", "result_url_expires_at", "error")
    )
    status = {"id": id, "status": "pending", "done": False, "revision": 1, "attempt": 0, "created_at": text(created), "updated_at": text(created)}
    status |= {"eta": window, "poll_after_ms": round(seconds * 1000), "renew": renew} | none
    texts = {"id": id, "payload": json.dumps(order), "status": "pending", "created_at": text(created), "updated_at": text(created), "renew": renew}
    numbers = {"revision": 1, "attempt": 0, "expires_at": int((created + timedelta(days=37)).timestamp())}
    row = {name: {"S": value} for name, value in texts.items()} | {name: {"N": str(value)} for name, value in numbers.items()}
    calls = [
        pool.submit(dynamodb.put_item, TableName=TABLE, Item=row, ConditionExpression="attribute_not_exists(id)"),
        pool.submit(
            s3.put_object,
            Bucket=BUCKET,
            Key=key,
            Body=json.dumps(status).encode(),
            ContentType="application/json",
            CacheControl="no-cache",
            IfNoneMatch="*",
        ),
        pool.submit(sqs.send_message, QueueUrl=QUEUE, MessageBody=json.dumps({"v": 1, "id": id, "key": key})),
    ]
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=URL_LIVES)
    for call in calls:
        call.result()
    eta = {"seconds": seconds, "p10_seconds": seconds * 0.7, "p90_seconds": seconds * 1.6, "at": window["at"], "queue_depth": depth}
    body = {"id": id, "status": "pending", "status_url": url, "status_url_expires_at": later(URL_LIVES), "eta": eta}
    body |= {"poll_after_ms": status["poll_after_ms"], "links": {"self": f"/order/{id}"}}
    headers = {"content-type": "application/json", "location": f"/order/{id}", "retry-after": str(-(-body["poll_after_ms"] // 1000))}
    return {"statusCode": 202, "headers": headers, "body": json.dumps(body)}


def main():
    runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    path = "/2018-06-01/runtime/invocation"
    while True:
        runtime.request("GET", f"{path}/next")
        invocation = runtime.getresponse()
        event = json.loads(invocation.read())
        answer = accept(json.loads(event["body"]))
        runtime.request("POST", f"{path}/{invocation.headers['lambda-runtime-aws-request-id']}/response", json.dumps(answer))
        runtime.getresponse().read()


if __name__ == "__main__":
    main()
