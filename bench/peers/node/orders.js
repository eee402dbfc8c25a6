// Orders: the schema of what a client sends, the status object, and the clients of AWS.

import http from "node:http";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { SQSClient } from "@aws-sdk/client-sqs";
import { NodeHttpHandler } from "@smithy/node-http-handler";

export const BUCKET = process.env.OFFLOAD_BUCKET;
export const TABLE = process.env.OFFLOAD_TABLE;
export const QUEUE = process.env.OFFLOAD_QUEUE_URL;

const requestHandler = new NodeHttpHandler({ httpAgent: new http.Agent({ keepAlive: true, maxSockets: 200 }) });
export const s3 = new S3Client({ requestHandler, forcePathStyle: true, requestChecksumCalculation: "WHEN_REQUIRED" });
export const sqs = new SQSClient({ requestHandler });
export const dynamodb = new DynamoDBClient({ requestHandler });

const item = {
  type: "object",
  required: ["sku", "quantity"],
  additionalProperties: false,
  properties: { sku: { type: "string", minLength: 1, maxLength: 64 }, quantity: { type: "integer", minimum: 1, maximum: 1000 } },
};

export const ORDER = {
  type: "object",
  required: ["kind"],
  discriminator: { propertyName: "kind" },
  oneOf: [
    {
      required: ["items"],
      additionalProperties: false,
      properties: {
        kind: { const: "fulfilment" },
        items: { type: "array", minItems: 1, maxItems: 100, items: item },
        customer_ref: { type: "string" },
      },
    },
    {
      required: ["rows"],
      additionalProperties: false,
      properties: { kind: { const: "report" }, rows: { type: "integer", minimum: 0 }, delay_ms: { type: "integer" } },
    },
  ],
};

export const ACCEPTED = {
  type: "object",
  properties: {
    id: { type: "string" },
    status: { type: "string" },
    status_url: { type: "string" },
    status_url_expires_at: { type: "string" },
    eta: {
      type: "object",
      properties: {
        seconds: { type: "number" },
        p10_seconds: { type: "number" },
        p90_seconds: { type: "number" },
        at: { type: "string" },
        queue_depth: { type: "integer" },
        basis: { type: "string" },
      },
    },
    poll_after_ms: { type: "integer" },
    links: { type: "object", properties: { self: { type: "string" } } },
  },
};

// By the mean of two seconds, over ten workers.
export function estimate(depth, now) {
  const seconds = 2 * (1 + depth / 10);
  const at = new Date(now + seconds * 1000).toISOString();
  return { seconds, p10_seconds: seconds * 0.7, p90_seconds: seconds * 1.6, at, queue_depth: depth, basis: "configured" };
}

// Random digits first, which spread the keys over prefixes.
export const statusKey = (id) => `status/${id.slice(-2)}/${id}.json`;

export function statusObject(members) {
  return JSON.stringify({
    id: null,
    status: null,
    done: false,
    revision: 1,
    attempt: 0,
    created_at: null,
    updated_at: null,
    started_at: null,
    finished_at: null,
    progress: null,
    eta: null,
    poll_after_ms: null,
    result: null,
    result_url: null,
    result_url_expires_at: null,
    error: null,
    renew: null,
    ...members,
  });
}
