// The whole service in one process, for tests: `offload up` on ports of its own.
import { spawn } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { createInterface } from "node:readline";

/** The program to test, and why there is none. */
export const binary = process.env.OFFLOAD_BIN;
export const skip = binary
  ? false
  : "OFFLOAD_BIN is not set: build the program (`cargo build`) and give its path, such as target/debug/offload";

const START_MS = 60_000;
const STOP_MS = 20_000;

/**
 * Starts the service. Returns its addresses, and how to stop it.
 *
 * @param {string[]} flags
 */
export async function up(...flags) {
  const listeners = ["--api", "--s3", "--sqs", "--dynamodb"].filter((flag) => !flags.includes(flag));
  const free = listeners.flatMap((flag) => [flag, "127.0.0.1:0"]);
  // The program refuses OFFLOAD_ variables that it does not know.
  const { OFFLOAD_BIN: _, ...env } = process.env;
  const child = spawn(binary, ["up", "--json", ...free, ...flags], { env, stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  let timer;
  const line = await new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error("offload up is not ready in time")), START_MS);
    createInterface(child.stdout).once("line", resolve);
    child.once("error", reject);
    void exited.then((code) => reject(new Error(`offload up ended with ${code}`)));
  }).finally(() => clearTimeout(timer));
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await exited;
    clearTimeout(timer);
  };
  /** Ends it as a power cut does. */
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  return { kill, .../** @type {Record<string, string>} */ (JSON.parse(line)), stop };
}

/** The same status URL, validly signed, but `ageSeconds` ago and for one second: it has expired. */
export function expired(statusUrl, stack, ageSeconds = 3_600) {
  const url = new URL(statusUrl);
  const stamp = new Date(Date.now() - ageSeconds * 1_000).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `${stamp.slice(0, 8)}/${stack.region}/s3/aws4_request`;
  const query = new URLSearchParams({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${stack.access_key_id}/${scope}`,
    "X-Amz-Date": stamp,
    "X-Amz-Expires": "1",
    "X-Amz-SignedHeaders": "host",
  });
  const request = ["GET", url.pathname, query.toString(), `host:${url.host}`, "", "host", "UNSIGNED-PAYLOAD"].join(
    "\n",
  );
  const text = ["AWS4-HMAC-SHA256", stamp, scope, createHash("sha256").update(request).digest("hex")].join("\n");
  const sign = (key, part) => createHmac("sha256", key).update(part).digest();
  const key = scope.split("/").reduce(sign, `AWS4${stack.secret_access_key}`);
  query.set("X-Amz-Signature", sign(key, text).toString("hex"));
  url.search = query.toString();
  return url.href;
}
