// Compiles src/ to dist/.
import { spawnSync } from "node:child_process";
import { copyFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

// Code whose source is gone must be neither tested nor published.
for (const output of ["dist", "build"]) {
  await rm(at(output), { recursive: true, force: true });
}
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [tsc, "-p", at("tsconfig.json")], { stdio: "inherit" });
if (status === 0) {
  // The compiler takes declarations for input only.
  await copyFile(at("src/openapi.d.ts"), at("dist/openapi.d.ts"));
}
process.exitCode = status ?? 1;
