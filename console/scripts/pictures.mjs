// Pictures for docs/, of the recorded demo: node scripts/pictures.mjs
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { launch, open } from "../test/support/browser.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const TYPES = {
  html: "text/html",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
  json: "application/json",
};
const book = await mkdtemp(join(tmpdir(), "offload-book-"));
execFileSync("python3", [join(root, "docs/demo.py"), book]);
const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://x");
  const body = await readFile(join(book, pathname)).catch(() => "");
  response.writeHead(body ? 200 : 404, { "content-type": TYPES[pathname.split(".").pop()] ?? "text/plain" }).end(body);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const { answers } = JSON.parse(await readFile(join(root, "docs/demo/recording.json"), "utf8"));
const failed = answers["admin/orders?q=state%3Afailed"].orders[0].id;
const browser = await launch();
for (const [name, path, colorScheme] of [
  ["console-overview", "", "light"],
  ["console-order", `orders/${failed}`, "dark"],
]) {
  const context = await browser.newContext({
    viewport: { width: 1_280, height: 800 },
    colorScheme,
    reducedMotion: "reduce",
  });
  const page = await open(context, `http://127.0.0.1:${server.address().port}/demo/index.html#/${path}`);
  await page.locator("h1").waitFor();
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
  const client = await context.newCDPSession(page);
  const { data } = await client.send("Page.captureScreenshot", { format: "webp", quality: 82 });
  await writeFile(join(root, `docs/img/${name}.webp`), Buffer.from(data, "base64"));
}
await browser.close();
server.close().closeAllConnections();
await rm(book, { recursive: true });
