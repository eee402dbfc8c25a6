// Pictures of the pages, to be seen by a person: node scripts/screenshots.mjs DIRECTORY [PAGE...]
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { serve } from "../test/support/service.mjs";

const [directory = "screenshots", ...only] = process.argv.slice(2);
await mkdir(directory, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
const usual = await serve({
  banners: [
    { kind: "dead_grew", since: new Date(Date.now() - 300_000).toISOString(), detail: "9 more in ten minutes" },
  ],
});
const empty = await serve({ orders: [], actions: [] });
const failing = await serve({ failing: true });
const one = (status) => usual.state.orders.find((order) => order.status === status).id;
const PAGES = {
  overview: "",
  orders: "orders",
  failed: "orders?q=state%3Afailed",
  order: `orders/${one("processing")}`,
  "order-failed": `orders/${one("failed")}`,
  new: "new",
  dead: "dead",
  actions: "actions",
  action: `actions/${usual.state.actions[0].id}`,
  deliveries: "deliveries",
  workers: "workers",
  eta: "eta",
  cost: "cost",
  doctor: "doctor",
  about: "about",
};
const OTHERS = {
  "first-run": [empty, ""],
  "empty-orders": [empty, "orders"],
  "empty-filter": [empty, "orders?q=state%3Afailed+kind%3Areport"],
  error: [failing, "orders"],
};
for (const [width, scheme] of [
  [1280, "light"],
  [1280, "dark"],
  [390, "light"],
  [390, "dark"],
  [2560, "dark"],
]) {
  const page = await browser.newPage({
    viewport: { width, height: width === 390 ? 844 : width === 2560 ? 1440 : 860 },
    colorScheme: scheme,
  });
  page.on("console", (message) => message.type() === "error" && console.log("console:", message.text()));
  page.on("pageerror", (error) => console.log("error:", error.stack));
  const all = [
    ...Object.entries(PAGES).map(([name, path]) => [name, usual, path]),
    ...Object.entries(OTHERS).map(([name, [service, path]]) => [name, service, path]),
  ];
  for (const [name, service, path] of all) {
    if (only.length > 0 && !only.includes(name)) continue;
    await page.goto(`${service.url}/${path}`);
    await page.locator("h1").waitFor();
    await page.waitForTimeout(600);
    await page.screenshot({ path: join(directory, `${name}-${width}-${scheme}.png`) });
  }
  await page.close();
}
await browser.close();
await Promise.all([usual, empty, failing].map((service) => service.stop()));
