// Whether dist/ is what its sources give, and within its budget. Exit code 1 if not.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";

import { build } from "vite";

/** Bytes to the first page, compressed, and to one with a chart. */
const FIRST_MAX = 45 * 1_024;
const CHARTS_MAX = 75 * 1_024;

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const rebuilt = await mkdtemp(join(tmpdir(), "offload-console-"));
const faults = [];
try {
  await build({ root, logLevel: "error", build: { outDir: rebuilt } });
  const [committed, built] = await Promise.all([dist, rebuilt].map(files));
  for (const name of new Set([...committed.keys(), ...built.keys()])) {
    const [ours, theirs] = [committed.get(name), built.get(name)];
    if (!ours || !theirs) faults.push(`${name} is ${ours ? "in dist/ alone" : "missing in dist/"}`);
    // Another Brotli may compress differently: what matters is what comes out.
    else if (!content(name, ours).equals(content(name, theirs)))
      faults.push(`${name} differs from what its sources give`);
    if (
      name.endsWith(".br") &&
      !brotliDecompressSync(ours ?? theirs).equals(committed.get(name.slice(0, -3)) ?? Buffer.alloc(0))
    ) {
      faults.push(`${name} is not ${name.slice(0, -3)}, compressed`);
    }
  }
  // Everything that index.html names, and what later pages load: no chunk is counted as the chart's
  // by its name.
  const html = committed.get("index.html")?.toString() ?? "";
  const size = (name) => (committed.get(`${name}.br`) ?? brotliCompressSync(committed.get(name))).length;
  const assets = [...committed.keys()].filter((name) => name.startsWith("assets/") && !name.endsWith(".br"));
  const first = ["index.html", "theme.js", ...assets.filter((name) => html.includes(name))].reduce(
    (sum, name) => sum + size(name),
    0,
  );
  const all = ["index.html", "theme.js", ...assets].reduce((sum, name) => sum + size(name), 0);
  console.log(`to the first page ${kib(first)} of ${kib(FIRST_MAX)}, with charts ${kib(all)} of ${kib(CHARTS_MAX)}`);
  if (first > FIRST_MAX) faults.push("the first page is over its budget");
  if (all > CHARTS_MAX) faults.push("a page with charts is over its budget");
} finally {
  await rm(rebuilt, { recursive: true, force: true });
}
for (const fault of faults) console.error(`console/dist: ${fault}`);
if (faults.length > 0) console.error("console/dist: `npm run build` in console/ writes it anew");
process.exitCode = faults.length > 0 ? 1 : 0;

async function files(directory) {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = names.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  return new Map(
    await Promise.all(paths.map(async (path) => [path.slice(directory.length + 1), await readFile(path)])),
  );
}

function content(name, body) {
  return name.endsWith(".br") ? brotliDecompressSync(body) : body;
}

function kib(bytes) {
  return `${(bytes / 1_024).toFixed(1)} KiB`;
}
