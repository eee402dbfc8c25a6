// The page against the real service: `OFFLOAD_BIN=../target/debug/offload npm run test:real`.
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { eventually } from "../../clients/typescript/test/support/eventually.mjs";
import { skip as noBinary, up } from "../../clients/typescript/test/support/stack.mjs";
import { findings, launch, open, skip as noBrowser } from "./support/browser.mjs";

describe("with the real service", { skip: noBinary || noBrowser, concurrency: 1 }, () => {
  let stack, browser, directory;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "offload-work-"));
    // Work that fails at its only attempt until somebody repairs it.
    const program = join(directory, "work.sh");
    await writeFile(
      program,
      `#!/bin/sh\nif [ -e "${directory}/repaired" ]; then echo '{"result":{"ok":true}}'; else sleep 0.2; exit 75; fi\n`,
    );
    await chmod(program, 0o755);
    process.env.OFFLOAD_MAX_ATTEMPTS = "1";
    stack = await up("--processor", "command", "--command", program);
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await stack?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const submit = async (order) => {
    const response = await fetch(`${stack.api}/order`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(order),
    });
    assert.equal(response.status, 202);
    return response.json();
  };

  test("a dead letter is redriven by the keyboard alone", async () => {
    const receipt = await submit({ kind: "report", rows: 1 });
    const page = await open(await browser.newContext(), `${stack.api}/`);
    await page.locator(".tiles").first().waitFor();
    // The figures, and the title, have it as soon as the index does.
    await page.waitForFunction(() => /^\(1\) /.test(document.title));
    for (const key of ["g", "d"]) await page.keyboard.press(key);
    const row = page.locator(`[data-id="${receipt.id}"]`);
    await row.locator(".state.failed").waitFor();
    await writeFile(join(directory, "repaired"), "");
    await page.keyboard.press("j");
    await page.waitForFunction((id) => document.activeElement?.dataset.id === id, receipt.id);
    await page.keyboard.press("r");
    await page.getByRole("dialog").waitFor();
    assert.deepEqual(await findings(page), []);
    await page.keyboard.press("Control+Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    // The row is patched in place, and stays where it was.
    await row.locator(".state.completed").waitFor();
    assert.equal((await (await fetch(receipt.status_url)).json()).status, "completed");
    assert.deepEqual(page.faults, []);
    await page.close();
  });

  test("an order is placed by the page, which sees its end and asks the service nothing", async () => {
    await writeFile(join(directory, "repaired"), "");
    const page = await open(await browser.newContext(), `${stack.api}/new`);
    const asked = [];
    page.on("request", (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
    await page.getByLabel("Kind").selectOption("report");
    await page.getByLabel("Rows").fill("10");
    await page.getByRole("button", { name: "Place the order" }).click();
    await page.getByText(/^ended after/).waitFor();
    await page.getByText(/and none to the service/).waitFor();
    assert.deepEqual(
      asked.filter((request) => / \/order/.test(request)),
      ["POST /order"],
    );
    assert.deepEqual(await findings(page), []);
    // Its page has the object as S3 has it.
    await page.getByRole("link", { name: "Open the order" }).click();
    await page.getByText(/as in S3, .*ETag/).waitFor();
    assert.deepEqual(page.faults, []);
    await page.close();
  });

  for (const way of ["Server-sent events", "WebSocket"]) {
    test(`the page waits for an order by ${way}`, async () => {
      const page = await open(await browser.newContext(), `${stack.api}/new`);
      await page.getByLabel("Kind").selectOption("report");
      await page.locator("summary", { hasText: "Options" }).click();
      await page.getByLabel("Delay seconds").fill("1");
      await page.getByRole("button", { name: "Place the order" }).click();
      await page.getByRole("button", { name: way }).click();
      await page.getByText(/^ended after/).waitFor();
      const messages = await page.locator(".score div", { hasText: "messages" }).locator("dd").innerText();
      assert.ok(Number(messages) > 0);
      assert.deepEqual(page.faults, []);
      await page.close();
    });
  }

  test("what waits is cancelled by the keyboard, and leaves its list only when that is asked for", async () => {
    const receipt = await submit({
      kind: "report",
      rows: 1,
      options: { delay_seconds: 600, labels: { customer: "acme" } },
    });
    const page = await open(await browser.newContext(), `${stack.api}/orders?q=label%3Acustomer%3Dacme`);
    const row = page.locator(`[data-id="${receipt.id}"]`);
    await row.locator(".state.pending").waitFor();
    for (const key of ["j", "c"]) await page.keyboard.press(key);
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Control+Enter");
    await row.locator(".state.cancelled").waitFor();
    await page.reload();
    await page.getByText(/No order matches/).waitFor();
    await page.close();
  });

  test("bulk work is previewed, run by the service, and reported", async () => {
    await rm(join(directory, "repaired"), { force: true });
    const receipts = await Promise.all(
      Array.from({ length: 3 }, () => submit({ kind: "report", rows: 1, options: { labels: { batch: "b1" } } })),
    );
    const path = "orders?q=state%3Adead+label%3Abatch%3Db1";
    await eventually("three dead letters", async () => {
      const { orders } = await (await fetch(`${stack.api}/admin/${path}`)).json();
      return orders.length === 3;
    });
    const page = await open(await browser.newContext(), `${stack.api}/${path}`);
    await writeFile(join(directory, "repaired"), "");
    await page.getByRole("button", { name: "Redrive all that match…" }).click();
    await page.getByRole("dialog").getByText("3 orders match").waitFor();
    await page.keyboard.press("Control+Enter");
    await page.waitForURL(/actions\//);
    await page.locator(".heading .state.completed").waitFor();
    await page.getByText("3 of 3").waitFor();
    for (const { status_url } of receipts) {
      await eventually("the end of each", async () => (await (await fetch(status_url)).json()).status === "completed");
    }
    await page.close();
  });
});

describe("where the real service knows its callers", { skip: noBinary || noBrowser, concurrency: 1 }, () => {
  let stack, browser;

  before(async () => {
    process.env.OFFLOAD_AUTH = "keys";
    process.env.OFFLOAD_CONSOLE = "on";
    stack = await up("--admin", "127.0.0.1:0");
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await stack?.stop();
    delete process.env.OFFLOAD_AUTH;
    delete process.env.OFFLOAD_CONSOLE;
  });

  for (const [listener, ways] of [
    ["api", 3],
    ["admin", 1],
  ]) {
    test(`the open console of the listener ${listener} places an order without a key`, async () => {
      const page = await open(await browser.newContext(), `${stack[listener]}/new`);
      await page.getByLabel("Kind").selectOption("report");
      assert.equal(await page.getByLabel("API key").count(), 0);
      await page.getByRole("button", { name: "Place the order" }).click();
      await page.getByText(/^ended after/).waitFor();
      // Clients are not served on the listener of operators: there is nothing to subscribe to.
      const offered = page.getByRole("group", { name: "How this page learns of changes" }).getByRole("button");
      assert.equal(await offered.count(), ways);
      assert.deepEqual(page.faults, []);
      await page.close();
    });
  }
});
