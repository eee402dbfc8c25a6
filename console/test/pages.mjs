// Each page, in each state, as a person meets it: accessible, readable at every width, without a
// mistake of its own. The answers are chosen here (service.mjs); real.mjs has the real service.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";

import { drawn, findings, launch, open, overflow, skip } from "./support/browser.mjs";
import { mixture, serve } from "./support/service.mjs";

const ALL = [390, 1_280, 2_560].flatMap((width) => [
  [width, "light"],
  [width, "dark"],
]);
const STATES = [
  [390, "light"],
  [1_280, "dark"],
];
const PAGES = [
  "",
  "orders",
  "orders?q=state%3Afailed",
  "new",
  "dead",
  "actions",
  "deliveries",
  "workers",
  "eta",
  "cost",
  "doctor",
  "about",
];

describe("pages", { skip, concurrency: 2 }, () => {
  let browser;
  const services = [];
  const servers = [];
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
    for (const server of servers) server.close().closeAllConnections();
    await Promise.all(services.map((service) => service.stop()));
  });

  /** Loads a page once, and has it inspected: in each width and theme, or for a state in two of them. */
  async function inspect(service, path, ready = "h1", sizes = STATES) {
    const context = await browser.newContext({ reducedMotion: "reduce" });
    const page = await open(context, `${service.url}/${path}`);
    await page.locator(ready).first().waitFor();
    await page.locator(".skeleton").first().waitFor({ state: "detached" });
    const found = [];
    for (const [width, colorScheme] of sizes) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await drawn(page);
      found.push(...(await findings(page)).map((one) => `${width} ${colorScheme}: ${one}`));
      if ((await overflow(page)) > 0) found.push(`${width}: it scrolls sideways`);
    }
    await page.setViewportSize({ width: 320, height: 700 });
    await drawn(page);
    const over = await overflow(page);
    if (over > 0) found.push(`320: it scrolls sideways by ${over} px`);
    assert.deepEqual([...found, ...page.faults], [], path);
    await context.close();
  }

  for (const path of PAGES) {
    test(`/${path} has no serious finding at any width, light and dark`, async () => {
      await inspect(await start(), path, "h1", ALL);
    });
  }

  test("an order's page has no serious finding, whatever its state", async () => {
    const service = await start();
    for (const status of ["pending", "failed"]) {
      await inspect(service, `orders/${service.state.orders.find((one) => one.status === status).id}`);
    }
  });

  test("an action's page has no serious finding", async () => {
    const service = await start();
    await inspect(service, `actions/${service.state.actions[0].id}`);
  });

  test("on the first run a page says how to place an order, and places one", async () => {
    const service = await start({ orders: [], actions: [] });
    await inspect(service, "", ".first-run");
    for (const path of ["orders", "dead", "actions"]) await inspect(service, path, ".empty");
    const page = await open(await browser.newContext(), service.url);
    assert.match(await page.locator(".first-run pre").innerText(), /^curl http:\/\/127\.0\.0\.1:8080\/order /);
    await page.getByRole("button", { name: "Place a three-second order" }).waitFor();
  });

  test("an empty list says which filter, how far was searched, and offers to drop a term", async () => {
    const service = await start({ orders: mixture(Date.now(), 3) });
    await inspect(service, "orders?q=state%3Afailed+kind%3Areport", ".empty");
    const page = await open(await browser.newContext(), `${service.url}/orders?q=state%3Afailed+kind%3Areport`);
    const text = await page.locator(".empty").innerText();
    assert.match(text, /state:failed kind:report/);
    assert.match(text, /0 entries searched, to the end/);
    await page.getByRole("link", { name: "Without state:failed" }).click();
    assert.match(page.url(), /q=kind%3Areport$/);
  });

  test("the tables of actions and reasons need no scrolling, on a phone either", async () => {
    const service = await start();
    for (const [path, region] of [
      ["actions", "Actions"],
      ["dead", "Reasons"],
    ]) {
      const page = await open(await browser.newContext(), `${service.url}/${path}`);
      const table = page.getByRole("region", { name: region });
      for (const width of [390, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        await drawn(page);
        const hidden = await table.evaluate((element) => element.scrollWidth - element.clientWidth);
        assert.equal(hidden, 0, `${region} at ${width}`);
      }
      await page.close();
    }
  });

  test("a failure has its title, its request id and a retry; the last good data stays, greyed", async () => {
    const service = await start({ failing: true });
    await inspect(service, "orders", '[role="alert"]');
    const page = await open(await browser.newContext(), `${service.url}/orders`);
    assert.match(await page.getByRole("alert").innerText(), /A store is unavailable[\s\S]*req-0198c1f0/);
    // While it is live the page tries again by itself.
    await page.keyboard.press("p");
    await page.getByText("Paused", { exact: true }).waitFor();
    service.state.failing = false;
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".line").first().waitFor();
    assert.equal(await page.getByRole("alert").count(), 0);

    const workersPage = await open(await browser.newContext(), `${service.url}/workers`);
    await workersPage.getByText("worker-2").waitFor();
    service.state.failing = true;
    await workersPage.getByRole("alert").waitFor();
    assert.equal(await workersPage.getByText("worker-2").count(), 1);
    assert.equal(await workersPage.locator(".stale").count(), 1);
  });

  test("a scenario is in the URL and is asked for; a wrong number is said to be, and the last bill stays", async () => {
    const service = await start();
    await inspect(service, "cost?orders=0", '[role="alert"]');
    const page = await open(await browser.newContext(), `${service.url}/cost?polls=12`);
    const field = page.getByLabel("Orders a month");
    await page.locator(".tile").first().waitFor();
    assert.equal(await field.inputValue(), "1000000");
    const asked = () => service.state.requests.filter((one) => one.includes("/admin/cost")).at(-1);
    const before = await page.locator(".tile .figure").first().innerText();
    const answer = page.waitForResponse(/admin\/cost.*orders=5000000/);
    await field.fill("5 000 000");
    await answer;
    await page.waitForFunction((text) => document.querySelector(".tile .figure").textContent !== text, before);
    assert.match(page.url(), /\/cost\?polls=12&orders=5000000$/);
    assert.equal(asked(), "GET /admin/cost?polls=12&orders=5000000");
    await page.getByLabel("Webhook").check();
    await page.getByRole("row", { name: /^Webhook in the scenario/ }).waitFor();
    assert.match(asked(), /channels=poll%2Cwebhook$/);

    const good = await page.locator(".tile .figure").first().innerText();
    await field.fill("0");
    assert.match(await page.getByRole("alert").innerText(), /orders is 1 to 1000000000000, not 0/);
    assert.match(page.url(), /orders=0&/);
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    assert.equal(await page.locator(".stale .tile .figure").first().innerText(), good);
    await field.fill("");
    await page.getByRole("alert").waitFor({ state: "detached" });
    assert.equal(await page.locator(".stale").count(), 0);
    assert.doesNotMatch(page.url(), /orders/);
    assert.equal(await field.inputValue(), "");
    await field.blur();
    assert.equal(await field.inputValue(), "1000000");
    assert.deepEqual(page.faults, []);
  });

  test("the doctor says what is wrong, what to do, what is in order and what was not checked", async () => {
    const service = await start();
    const page = await open(await browser.newContext(), `${service.url}/doctor`);
    const worst = page.getByRole("region", { name: "Orders wait, and nobody works on them" });
    await worst.waitFor();
    assert.match(await worst.innerText(), /^error[\s\S]*3 orders to be worked on[\s\S]*offload-worker/);
    assert.match(await worst.innerText(), /docs\/how-to\/runbook\.md#orders-wait-and-no-worker-reports/);
    assert.match(await page.getByRole("status").first().innerText(), /^3 findings$/);
    await page.getByRole("heading", { name: "Not checked: 1" }).waitFor();
    await page.getByRole("heading", { name: "In order: 2" }).waitFor();
    service.state.failing = true;
    await page.getByRole("button", { name: "Examine again" }).click();
    await page.getByRole("alert").waitFor();
    assert.equal(await page.locator(".stale .finding").count(), 3);
    await worst.getByRole("link", { name: "Workers" }).click();
    await page.getByRole("heading", { name: "Workers", exact: true }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("c");
    await page.getByRole("heading", { name: "Doctor" }).waitFor();
    assert.deepEqual(page.faults, []);

    const well = await start({ findings: [] });
    await inspect(well, "doctor", ".headline");
    const clean = await open(await browser.newContext(), `${well.url}/doctor`);
    await clean.getByText("Nothing is wrong in what could be checked").waitFor();
    await inspect(await start({ failing: true }), "doctor", '[role="alert"]');
    const viewer = await open(await browser.newContext(), `${(await start({ roles: ["view"] })).url}/doctor`);
    await viewer.getByRole("heading", { name: "Not for your role" }).waitFor();
  });

  test("a test event is sent from the deliveries, and what came of it is said", async () => {
    const service = await start();
    const page = await open(await browser.newContext(), `${service.url}/deliveries`);
    const form = page.getByRole("form", { name: "Test event" });
    const send = async (url) => {
      await form.getByLabel("URL of the receiver").fill(url);
      await page.keyboard.press("Enter");
    };
    await send("http://hooks.example/x");
    assert.match(await page.getByRole("alert").innerText(), /only https is allowed/);
    await send("https://hooks.example/x?a=b&c");
    await form.getByText(/on its way/).waitFor();
    assert.equal(
      service.state.requests.filter((one) => one.startsWith("POST")).at(-1),
      "POST /admin/deliveries/test?url=https%3A%2F%2Fhooks.example%2Fx%3Fa%3Db%26c",
    );
    service.state.tested = {
      channel: "webhook",
      revision: 0,
      state: "delivered",
      attempts: [{ at: new Date().toISOString(), status: 204, error: null, duration_ms: 35 }],
    };
    await form.getByText(/answered 204 after 35 ms/).waitFor();
    assert.deepEqual([...(await findings(page)), ...page.faults], []);
  });

  test("a banner about the signer's credentials leads to the doctor", async () => {
    const detail = "they end at 10:00:00 UTC, were not renewed, and links end with them";
    const service = await start({ banners: [{ kind: "credentials_end", detail }] });
    const page = await open(await browser.newContext(), service.url);
    const banner = page.locator(".banner", { hasText: "The signer's credentials end soon" });
    assert.match(await banner.innerText(), /they end at 10:00:00 UTC/);
    await banner.getByRole("link", { name: "Open" }).click();
    await page.getByRole("heading", { name: "Doctor" }).waitFor();
  });

  test("what was asked for stays visible until the order's revision moves", async () => {
    const service = await start();
    const [order] = service.state.orders.filter(({ status }) => status === "failed");
    const page = await open(await browser.newContext(), `${service.url}/orders/${order.id}`);
    await page.getByRole("button", { name: "Redrive" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Redrive" }).click();
    await page.getByText(/Redrive asked for/).waitFor();
    assert.deepEqual(await findings(page), []);
    Object.assign(order, { revision: 4, generation: 2, status: "pending", error: null });
    service.send("orders", { as_of: new Date().toISOString(), orders: [order], gone: [] });
    await page.getByText(/Redrive asked for/).waitFor({ state: "detached" });
    await page.locator(".heading .state.pending").waitFor();
  });

  test("a conflict stays in its dialog, and says what the order is now", async () => {
    const service = await start();
    const [order] = service.state.orders.filter(({ status }) => status === "processing");
    const page = await open(await browser.newContext(), `${service.url}/orders/${order.id}`);
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    service.state.onAct = (found, _verb, _json, problem) => {
      Object.assign(found, { status: "completed", revision: 9 });
      problem(409, "order-already-ended", "The order has ended");
    };
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.getByText("The order has ended").waitFor();
    await dialog.locator(".state.completed").waitFor();
    assert.deepEqual(await findings(page), []);
  });

  test("who may only read is offered nothing else", async () => {
    const service = await start({ roles: ["view"] });
    for (const path of ["", "orders", "dead", `orders/${service.state.orders[3].id}`]) {
      if (path === "orders") await inspect(service, path);
      const page = await open(await browser.newContext(), `${service.url}/${path}`);
      await page.locator("h1").waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      const offered = await page.getByRole("button", { name: /cancel|redrive|purge|place|send again|reveal/i }).count();
      assert.equal(offered + (await page.getByRole("checkbox").count()), 0, path);
    }
    assert.deepEqual(
      service.state.requests.filter((one) => /counts|workers|deliveries$/.test(one)),
      [],
    );
  });

  test("without a credential the page asks for the key, and for nothing else", async () => {
    const service = await start({ signedOut: true });
    await inspect(service, "orders", 'input[type="password"]');
    const page = await open(await browser.newContext(), `${service.url}/orders`);
    await page.getByLabel("Key").fill("k".repeat(32));
    await page.keyboard.press("Enter");
    await page.locator(".line").first().waitFor();
  });

  test("an order that is forgotten is said to be", async () => {
    const service = await start();
    await inspect(service, "orders/0198c1f0-0000-7000-8000-000000000001", ".empty");
    const page = await open(await browser.newContext(), `${service.url}/orders/${service.state.orders[0].id}`);
    await page.getByText("Timeline").waitFor();
    service.state.orders.shift();
    await page.reload();
    await page.getByText("There is no such order").waitFor();
  });

  test("the demo is the same page on recorded answers, on any file server", async () => {
    const book = await mkdtemp(join(tmpdir(), "offload-book-"));
    execFileSync("python3", [fileURLToPath(new URL("../../docs/demo.py", import.meta.url)), book]);
    const server = createServer(async (request, response) => {
      const body = await readFile(join(book, new URL(request.url, "http://x").pathname)).catch(() => null);
      const type = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" }[
        request.url.split(".").pop()
      ];
      response.writeHead(body ? 200 : 404, { "content-type": type ?? "application/json" }).end(body);
    });
    servers.push(server);
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const page = await open(await browser.newContext(), `http://127.0.0.1:${server.address().port}/demo/index.html`);
    await page.locator(".tiles").first().waitFor();
    await page.getByRole("link", { name: "Dead letters" }).first().click();
    await page.locator(".line .open").first().click();
    await page.getByText("Timeline").waitFor();
    await page.reload();
    await page.getByText("Timeline").waitFor();
    await page.getByRole("button", { name: "Redrive" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Redrive" }).click();
    await page.getByText("This is a recording").waitFor();
    assert.deepEqual(page.faults, []);
    await rm(book, { recursive: true });
  });

  test("nothing is drawn for 150 ms, then a skeleton", async () => {
    const service = await start({ slow: 2_000 });
    const page = await open(await browser.newContext());
    await page.goto(`${service.url}/orders`);
    const skeleton = page.locator(".skeleton").first();
    await skeleton.waitFor();
    const delay = await skeleton.evaluate((element) => getComputedStyle(element).animationDelay);
    assert.equal(delay, "0.15s");
    await page.locator(".line").first().waitFor();
  });
});
