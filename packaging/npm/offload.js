#!/usr/bin/env node
// Starts the program of this platform, which is in a package of its own, and ends as it does.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const platform = `offload-${process.platform}-${process.arch}`;
// Where there is no glibc the program for musl runs, and it runs everywhere: an installation may
// have both, or that one alone.
process.report.excludeNetwork = true;
const glibc = process.platform !== "linux" || process.report.getReport().header.glibcVersionRuntime;
const packages = glibc ? [platform, `${platform}-musl`] : [`${platform}-musl`];

function find() {
  for (const name of packages) {
    try {
      return require.resolve(`${name}/offload`);
    } catch {
      // The next one.
    }
  }
  const { optionalDependencies } = require("./package.json");
  const missing = packages.find((name) => optionalDependencies[name]);
  console.error(
    missing
      ? `offload: ${missing} is not installed: install again without --omit=optional, on the platform that runs it`
      : `offload: there is no program for ${process.platform} on ${process.arch}; there are ${Object.keys(optionalDependencies).join(", ")}`,
  );
  process.exit(1);
}

const program = find();

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
