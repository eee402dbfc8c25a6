"""Makes what the service needs on the servers that AWS_ENDPOINT_URL_* name: bucket, table,
queues."""

import json
import os
import time

import boto3
import botocore.exceptions


def client(service):
    return boto3.client(service, endpoint_url=os.environ[f"AWS_ENDPOINT_URL_{service.upper()}"], region_name=os.environ["AWS_REGION"])


s3, sqs, dynamodb = client("s3"), client("sqs"), client("dynamodb")
for _ in range(60):
    try:
        s3.create_bucket(Bucket="offload")
        break
    except botocore.exceptions.EndpointConnectionError:
        time.sleep(1)
dynamodb.create_table(
    TableName="orders",
    BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[
        {"AttributeName": name, "AttributeType": kind} for name, kind in [("pk", "S"), ("sk", "S"), ("due", "S"), ("due_at", "N")]
    ],
    KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    GlobalSecondaryIndexes=[
        {
            "IndexName": "due",
            "KeySchema": [{"AttributeName": "due", "KeyType": "HASH"}, {"AttributeName": "due_at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
)
dynamodb.update_time_to_live(TableName="orders", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"})
for name in ("orders", "orders-notifications"):
    dead = sqs.create_queue(QueueName=f"{name}-dead", Attributes={"MessageRetentionPeriod": "1209600"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 20})
    sqs.create_queue(QueueName=name, Attributes={"MessageRetentionPeriod": "1209600", "RedrivePolicy": redrive})
print("made the bucket, the table and the queues")
