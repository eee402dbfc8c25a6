// What the page does while things happen: it stays still under the hand, and costs one stream.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { drawn, launch, open, skip } from "./support/browser.mjs";
import { mixture, serve } from "./support/service.mjs";
import { order } from "./support/orders.mjs";

describe("live", { skip }, () => {
  let browser;
  const services = [];
  const start = async (options) => {
    const service = await serve(options);
    services.push(service);
    return service;
  };
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await Promise.all(services.map((service) => service.stop()));
  });

  const changed = (one, rest) =>
    Object.assign(one, { revision: one.revision + 1, updated_at: new Date().toISOString() }, rest);
  const event = (orders, gone = []) => ({ as_of: new Date().toISOString(), orders, gone });
  const streams = (service, count) => poll(`${count} streams`, () => service.state.streams.size === count);

  test("rows change in place; what is new waits until it is asked for", async () => {
    const service = await start();
    const page = await open(await browser.newContext(), `${service.url}/orders`);
    await page.locator(".line").first().waitFor();
    await streams(service, 1);
    const before = await page.locator(".line").evaluateAll((all) => all.map(({ dataset }) => dataset.id));
    const [first] = service.state.orders;
    const added = Array.from({ length: 7 }, (_, at) => order(500 + at, "pending", Date.now()));
    service.state.orders.unshift(...added);
    service.send(
      "orders",
      event([changed(first, { status: "processing", progress: { percent: 77, message: null } }), ...added]),
    );
    await page.locator(`[data-id="${first.id}"]`).getByText("77 %").waitFor();
    assert.deepEqual(await page.locator(".line").evaluateAll((all) => all.map(({ dataset }) => dataset.id)), before);
    await page.getByRole("button", { name: "7 new, show" }).click();
    await page.locator(`[data-id="${added[0].id}"]`).waitFor();
    assert.equal(await page.locator(".fresh").count(), 0);
  });

  test("an older revision changes nothing", async () => {
    const service = await start();
    const page = await open(await browser.newContext(), `${service.url}/orders`);
    await page.locator(".line").first().waitFor();
    await streams(service, 1);
    const one = service.state.orders.find(({ status }) => status === "processing");
    const row = page.locator(`[data-id="${one.id}"]`);
    service.send("orders", event([{ ...one, revision: 9, progress: { percent: 90, message: null } }]));
    await row.getByText("90 %").waitFor();
    service.send("orders", event([{ ...one, revision: 8, progress: { percent: 10, message: null } }]));
    service.send(
      "orders",
      event([{ ...service.state.orders[2], revision: 99, progress: { percent: 91, message: null } }]),
    );
    await page.getByText("91 %").waitFor();
    assert.equal(await row.getByText("90 %").count(), 1);
  });

  test("the stream is closed while rows are selected, a dialog is open or the page is paused", async () => {
    const service = await start();
    const page = await open(await browser.newContext(), `${service.url}/orders`);
    await page.locator(".line").first().waitFor();
    await streams(service, 1);
    await page.getByRole("checkbox").first().check();
    await streams(service, 0);
    await page.getByText("1 selected").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".line").first().focus();
    await page.keyboard.press("Escape");
    await streams(service, 1);
    await page.keyboard.press("?");
    await streams(service, 0);
    await page.keyboard.press("Escape");
    await streams(service, 1);
    await page.keyboard.press("p");
    await streams(service, 0);
    await page.getByText("Paused").waitFor();
    const asked = service.state.requests.length;
    await page.evaluate(() => window.dispatchEvent(new Event("focus")));
    await drawn(page);
    assert.equal(service.state.requests.length, asked);
    await page.keyboard.press("p");
    await streams(service, 1);
  });

  test("two tabs of a browser share one stream, and the other one takes over", async () => {
    const service = await start();
    const context = await browser.newContext();
    const one = await open(context, `${service.url}/orders`);
    // It has the stream before there is another tab that could.
    await streams(service, 1);
    const two = await open(context, `${service.url}/orders`);
    for (const page of [one, two]) await page.locator(".line").first().waitFor();
    const first = service.state.orders[0];
    service.send("orders", event([changed(first, { status: "processing", progress: { percent: 33, message: null } })]));
    for (const page of [one, two]) await page.locator(`[data-id="${first.id}"]`).getByText("33 %").waitFor();
    assert.equal(service.state.streams.size, 1);
    const asked = () => service.state.requests.filter((request) => request.endsWith("/admin/events")).length;
    const before = asked();
    await one.close();
    await poll("the other tab's stream", () => asked() > before);
    await streams(service, 1);
  });

  test("after ten seconds of silence the page says of when it is", async () => {
    const service = await start();
    const page = await open(await browser.newContext());
    await page.clock.install();
    await page.goto(`${service.url}/orders`);
    await page.locator(".line").first().waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.clock.fastForward(11_000);
    await page.getByText(/^as of \d\d:\d\d:\d\d, reconnecting$/).waitFor();
    service.send("beat", { as_of: new Date().toISOString() });
    await page.getByText("Live", { exact: true }).waitFor();
  });

  test("without a stream the page polls", async () => {
    const service = await start();
    service.state.withoutStream = true;
    const page = await open(await browser.newContext());
    await page.clock.install();
    await page.goto(`${service.url}/orders`);
    await page.getByText("Every 5 s").waitFor();
    const first = service.state.orders[0];
    changed(first, { status: "processing", progress: { percent: 44, message: null } });
    await page.clock.fastForward(5_000);
    await page.locator(`[data-id="${first.id}"]`).getByText("44 %").waitFor();
  });

  test("it works under a path prefix, one level down too, and after a reload", async () => {
    const service = await start({ prefix: "/ops/offload" });
    const page = await open(await browser.newContext(), `${service.url}/`);
    await page.getByRole("link", { name: "Orders", exact: true }).click();
    await page.locator(".line .open").first().click();
    await page.getByText("Timeline").waitFor();
    assert.match(page.url(), /\/ops\/offload\/orders\/[0-9a-f-]{36}$/);
    await page.reload();
    await page.getByText("Timeline").waitFor();
    await page.goBack();
    await page.locator(".line").first().waitFor();
    assert.deepEqual(page.faults, []);
    assert.deepEqual(
      service.state.requests.filter((request) => request.includes("undefined")),
      [],
    );
  });

  test("keys act as links and buttons do, and are off in a field", async () => {
    const service = await start();
    const page = await open(await browser.newContext(), `${service.url}/`);
    await page.locator(".tiles").first().waitFor();
    for (const [keys, path] of [
      ["g o", "orders"],
      ["g d", "dead"],
      ["g w", "workers"],
      ["g c", "doctor"],
      ["g h", ""],
      ["n", "new"],
    ]) {
      for (const key of keys.split(" ")) await page.keyboard.press(key);
      await page.waitForURL(`${service.url}/${path}`);
    }
    await page.keyboard.press("/");
    await poll("the field's focus", () => page.evaluate(() => document.activeElement?.matches("input[type=search]")));
    await page.keyboard.type("kind:report gon?");
    assert.equal(await page.getByRole("searchbox").inputValue(), "kind:report gon?");
    assert.match(await page.locator("#filter-mistake").innerText(), /^At 13: /);
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    const row = await page.locator(".line").nth(1).getAttribute("data-id");
    await poll("the second row", async () => (await page.evaluate(() => document.activeElement?.dataset.id)) === row);
    await page.keyboard.press("x");
    await page.getByText("1 selected").waitFor();
    await page.keyboard.press("c");
    await page.getByRole("dialog").waitFor();
    // A dialog opens and nothing is sent; the focus comes back.
    await page.keyboard.press("Escape");
    assert.equal(service.state.requests.filter((request) => request.startsWith("POST")).length, 0);
    await poll("the focus", async () => (await page.evaluate(() => document.activeElement?.dataset.id)) === row);
    await page.keyboard.press("Enter");
    await page.waitForURL(/orders\/[0-9a-f-]{36}$/);
    await page.keyboard.press("t");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
  });

  test("bulk work over a hundred orders needs their count, typed", async () => {
    const service = await start({ orders: mixture(Date.now(), 480) });
    const page = await open(await browser.newContext(), `${service.url}/dead`);
    await page.getByRole("button", { name: "Redrive all…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("120 orders match").waitFor();
    assert.equal(await dialog.getByRole("listitem").count(), 5);
    const confirm = dialog.getByRole("button", { name: /^Redrive 120/ });
    assert.equal(await confirm.isDisabled(), true);
    await page.keyboard.press("Control+Enter");
    await dialog.getByLabel("Type 120 to confirm").fill("12");
    assert.equal(await confirm.isDisabled(), true);
    await dialog.getByLabel("Type 120 to confirm").fill("120");
    await page.keyboard.press("Control+Enter");
    await page.waitForURL(/actions\//);
    assert.equal(service.state.actions[0].count, 120);
  });
});

/** Waits for a state, with a deadline. */
async function poll(what, holds) {
  for (const end = Date.now() + 20_000; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
  }
}
