// Takes orders from the queue and ends them, by the AWS SDK v3.

import { UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { DeleteMessageBatchCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { BUCKET, dynamodb, QUEUE, s3, sqs, statusObject, TABLE } from "./orders.js";

// Stores the next state, if the order still has the one before.
async function transition(id, revision, status, more) {
  const set = { ":revision": { N: String(revision) }, ":status": { S: status }, ...more };
  const names = Object.keys(set).map((name) => name.slice(1));
  const update = {
    TableName: TABLE,
    Key: { pk: { S: id }, sk: { S: "order" } },
    UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(", ")}`,
    ConditionExpression: "#revision = :before",
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: { ...set, ":before": { N: String(revision - 1) } },
    ReturnValues: "ALL_NEW",
  };
  return (await dynamodb.send(new UpdateItemCommand(update))).Attributes;
}

// Claims the order of a message and ends it; the message, to be deleted.
async function work(message) {
  const { id, key, etag } = JSON.parse(message.Body);
  const started = new Date().toISOString();
  const row = await transition(id, 2, "processing", { ":started_at": { S: started }, ":updated_at": { S: started } });
  const result = { packed: JSON.parse(row.payload.S).items?.length ?? 0 };
  const finished = new Date().toISOString();
  const end = { ":finished_at": { S: finished }, ":updated_at": { S: finished }, ":result": { S: JSON.stringify(result) } };
  await transition(id, 3, "completed", end);
  const status = statusObject({
    id,
    status: "completed",
    done: true,
    revision: 3,
    attempt: 1,
    created_at: started,
    updated_at: finished,
    started_at: started,
    finished_at: finished,
    result,
    renew: row.renew.S,
  });
  const put = { Bucket: BUCKET, Key: key, Body: status, ContentType: "application/json", CacheControl: "no-cache", IfMatch: etag };
  await s3.send(new PutObjectCommand(put));
  return { Id: message.MessageId, ReceiptHandle: message.ReceiptHandle };
}

for (;;) {
  const receive = { QueueUrl: QUEUE, MaxNumberOfMessages: 10, WaitTimeSeconds: 20, VisibilityTimeout: 30 };
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(receive));
  const done = await Promise.all(Messages.map(work));
  if (done.length > 0) {
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: QUEUE, Entries: done }));
  }
}
