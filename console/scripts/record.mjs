// Records a service's answers for the demo: node scripts/record.mjs URL FILE. URL is a service
// whose console needs no key. Signatures are left out, and no payload is recorded.
import { writeFile } from "node:fs/promises";

const [url, file] = process.argv.slice(2);
if (!url || !file) {
  console.error("usage: node scripts/record.mjs URL FILE");
  process.exit(2);
}

const answers = {};

async function record(path) {
  const response = await fetch(new URL(path, `${url.replace(/\/$/, "")}/`), {
    headers: { accept: "application/json" },
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  const text = await response.text();
  answers[path] = JSON.parse(text.replace(/(https?:[^"?]+)\?X-Amz-[^"]*/g, "$1"), (name, value) =>
    name === "next" ? null : value,
  );
  return answers[path];
}

const ids = new Set();
async function list(q) {
  const { orders } = await record(q ? `admin/orders?${new URLSearchParams({ q })}` : "admin/orders");
  for (const { id } of orders) ids.add(id);
  return orders;
}

for (const path of [
  "admin/session",
  "admin/counts",
  "admin/workers",
  "admin/deliveries",
  "admin/cost",
  "admin/doctor",
  "openapi.json",
])
  await record(path);
for (const q of ["", "state:pending", "state:processing", "state:failed"]) await list(q);
const reasons = new Set((await list("state:dead")).map(({ error }) => error?.type.split("/").pop()));
for (const reason of reasons) await list(`state:dead reason:${reason}`);
for (const { id } of (await record("admin/actions")).actions) await record(`admin/actions/${id}`);
for (const id of ids) await record(`admin/orders/${id}`);
// Of the document only the order's schema is used.
const { OrderRequest } = answers["openapi.json"].components.schemas;
answers["openapi.json"] = { components: { schemas: { OrderRequest } } };
await writeFile(file, `${JSON.stringify({ at: answers["admin/counts"].as_of, answers })}\n`);
console.log(`${Object.keys(answers).length} answers, ${ids.size} orders`);
