// A Chromium that freezes pages as a person's does. It is started here and not by Playwright, whose
// pages count as always visible: a visible page is never frozen.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const START_MS = 30_000;
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];

/** Why there is no browser to test in. */
export const skip = existsSync(PROGRAM)
  ? false
  : `there is no ${PROGRAM}: apt-get install chromium, or name a browser in CHROMIUM`;

/** Starts the browser with a profile of its own. Returns its context, and how to stop it. */
export async function start() {
  const profile = await mkdtemp(join(tmpdir(), "offload-chromium-"));
  const child = spawn(PROGRAM, [...FLAGS, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  let timer;
  const address = await new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error("the browser is not ready in time")), START_MS);
    createInterface(child.stderr).on("line", (line) => {
      const found = /^DevTools listening on (ws:\S+)/.exec(line);
      if (found) {
        resolve(found[1]);
      }
    });
    child.once("error", reject);
    void exited.then((code) => reject(new Error(`the browser ended with ${code}`)));
  }).finally(() => clearTimeout(timer));
  const browser = await chromium.connectOverCDP(address, { noDefaults: true });
  const stop = async () => {
    await browser.close();
    child.kill();
    await exited;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { context: browser.contexts()[0], stop };
}
