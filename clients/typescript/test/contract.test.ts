import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

test("the types are those of openapi.json", async (t) => {
  if (!existsSync(new URL("../../openapi/openapi.json", root))) {
    t.skip("there is no repository");
    return;
  }
  const { generate } = (await import(new URL("scripts/openapi.mjs", root).href)) as { generate: () => Promise<string> };
  const [committed, generated] = [read("src/openapi.d.ts").split("\n"), (await generate()).split("\n")];
  const line = generated.findIndex((text, i) => text !== committed[i]);
  assert.ok(
    line < 0 && committed.length === generated.length,
    `run \`npm run types\`: src/openapi.d.ts:${line + 1} should be ${generated[line]?.trim()}`,
  );
});

test("the package has no runtime dependency", () => {
  const manifest = JSON.parse(read("package.json")) as Record<string, unknown>;
  assert.equal(manifest.dependencies, undefined);
  assert.equal(manifest.peerDependencies, undefined);
});

test("the lock file names no registry but npm's own", () => {
  const lock = JSON.parse(read("package-lock.json")) as { packages: Record<string, { resolved?: string }> };
  for (const { resolved } of Object.values(lock.packages)) {
    assert.ok(resolved === undefined || resolved.startsWith("https://registry.npmjs.org/"), resolved);
  }
});
