// Debian's Chromium. CHROMIUM names another one.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Why there is no browser to test in. */
export const skip = existsSync(PROGRAM)
  ? false
  : `there is no ${PROGRAM}: apt-get install chromium, or name a browser in CHROMIUM`;

export const launch = () => chromium.launch({ executablePath: PROGRAM, args: ["--no-sandbox", "--disable-gpu"] });

/** A page that keeps what went wrong in it: exceptions, and what the content security policy refused. */
export async function open(context, url) {
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) page.faults.push(message.text());
  });
  if (url) await page.goto(url);
  return page;
}

/** Serious findings of axe-core, as lines. */
export async function findings(page) {
  // Its source is evaluated by the debugger, which the page's policy does not bind.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes[0].html.slice(0, 160)} (${nodes[0].any[0]?.message ?? nodes[0].failureSummary})`,
    );
}

/** By how many pixels the page is wider than its window. */
export async function overflow(page) {
  // The page lays itself out anew a few frames after its window was resized.
  for (let frames = 0; ; frames += 1) {
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (over <= 0 || frames === 30) return over;
    await drawn(page);
  }
}

/** Waits until what was changed is drawn. */
export const drawn = (page) =>
  page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
