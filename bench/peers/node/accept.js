// POST /order, by the AWS SDK v3.

import { randomUUID } from "node:crypto";
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { GetQueueAttributesCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { BUCKET, dynamodb, estimate, QUEUE, s3, sqs, statusKey, statusObject, TABLE } from "./orders.js";

const URL_LIVES = 900;
const KEPT_SECONDS = 37 * 86_400;
const PUBLIC = process.env.PUBLIC_URL ?? `http://${process.env.OFFLOAD_LISTEN}`;

// The depth of the queue, a second old at most.
const depth = { value: 0, readAt: -Infinity, reading: null };

async function queueDepth() {
  if (performance.now() - depth.readAt > 1000) {
    depth.reading ??= readDepth().finally(() => (depth.reading = null));
    await depth.reading;
  }
  return depth.value;
}

async function readDepth() {
  const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: QUEUE, AttributeNames: names }));
  depth.value = names.reduce((sum, name) => sum + Number(Attributes[name]), 0);
  depth.readAt = performance.now();
}

// Accepts an order that is valid; headers and body of the answer.
export async function accept(order) {
  const id = randomUUID();
  const created = Date.now();
  const createdAt = new Date(created).toISOString();
  const later = (seconds) => new Date(created + seconds * 1000).toISOString();
  const key = statusKey(id);
  const renew = `${PUBLIC}/order/${id}`;
  const eta = estimate(await queueDepth(), created);
  const pollAfter = Math.round(eta.seconds * 1000);
  const status = statusObject({
    id,
    status: "pending",
    created_at: createdAt,
    updated_at: createdAt,
    eta: { at: eta.at, earliest_at: later(eta.p10_seconds), latest_at: later(eta.p90_seconds) },
    poll_after_ms: pollAfter,
    renew,
  });
  const row = {
    id: { S: id },
    payload: { S: JSON.stringify(order) },
    status: { S: "pending" },
    revision: { N: "1" },
    attempt: { N: "0" },
    created_at: { S: createdAt },
    updated_at: { S: createdAt },
    renew: { S: renew },
    expires_at: { N: String(Math.floor(created / 1000) + KEPT_SECONDS) },
  };
  const put = { Bucket: BUCKET, Key: key, Body: status, ContentType: "application/json", CacheControl: "no-cache", IfNoneMatch: "*" };
  const [, , , url] = await Promise.all([
    dynamodb.send(new PutItemCommand({ TableName: TABLE, Item: row, ConditionExpression: "attribute_not_exists(id)" })),
    s3.send(new PutObjectCommand(put)),
    sqs.send(new SendMessageCommand({ QueueUrl: QUEUE, MessageBody: JSON.stringify({ v: 1, id, key }) })),
    getSignedUrl(s3, new GetObjectCommand({ Bucket: BUCKET, Key: key }), { expiresIn: URL_LIVES }),
  ]);
  const body = {
    id,
    status: "pending",
    status_url: url,
    status_url_expires_at: later(URL_LIVES),
    eta,
    poll_after_ms: pollAfter,
    links: { self: `/order/${id}` },
  };
  return { headers: { location: `/order/${id}`, "retry-after": Math.ceil(eta.seconds) }, body };
}
