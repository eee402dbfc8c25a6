// POST /order, by Fastify.

import Fastify from "fastify";
import { accept } from "./accept.js";
import { ACCEPTED, ORDER } from "./orders.js";

const app = Fastify({ logger: false, ajv: { customOptions: { discriminator: true } } });

app.post("/order", { schema: { body: ORDER, response: { 202: ACCEPTED } } }, async (request, reply) => {
  const { headers, body } = await accept(request.body);
  reply.code(202).headers(headers);
  return body;
});

const [host, port] = process.env.OFFLOAD_LISTEN.split(":");
await app.listen({ host, port: Number(port) });
