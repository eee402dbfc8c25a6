#!/usr/bin/env node
// Starts the program of this platform, which is in a package of its own, and ends as it does.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const platform = `offload-${process.platform}-${process.arch}`;
let program;
try {
  program = require.resolve(`${platform}/offload`);
} catch {
  const { optionalDependencies } = require("./package.json");
  console.error(
    optionalDependencies[platform]
      ? `offload: ${platform} is not installed: install again without --omit=optional, on the platform that runs it`
      : `offload: there is no program for ${process.platform} on ${process.arch}; there are ${Object.keys(optionalDependencies).join(", ")}`,
  );
  process.exit(1);
}

const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
// A terminal sends SIGINT to both; the program decides when to end. Others are sent to this process
// alone.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP", "SIGQUIT"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("error", (error) => {
  console.error(`offload: cannot start ${program}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exit(signal ? 128 + constants.signals[signal] : code);
});
