import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

import { defineConfig, type Plugin } from "vite";

/** Beside each asset the same, compressed: the service sends it as it is. */
function compressed(): Plugin {
  let directory = "";
  return {
    name: "compressed",
    configResolved: ({ build }) => void (directory = join(build.outDir, "assets")),
    async closeBundle() {
      for (const name of await readdir(directory)) {
        const body = await readFile(join(directory, name));
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: body.length };
        await writeFile(join(directory, `${name}.br`), brotliCompressSync(body, { params }));
      }
    },
  };
}

// `npm run build` writes dist/, which is committed: Rust alone builds the programs. File names have
// a hash of the content, so that a browser may keep them for ever. URLs are relative, for the page
// works under any path prefix.
export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [compressed()],
  build: {
    target: ["chrome123", "firefox120", "safari17.5"],
    // A data: URL would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
