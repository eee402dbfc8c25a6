// The least: everything by default, and simulated work.

import { App, Stack } from "aws-cdk-lib";

import { Offload } from "../lib/offload.js";

const app = new App();
const packages = (app.node.tryGetContext("packages") as string | undefined) ?? "../../target/package";
const stack = new Stack(app, "Offload", { env: { region: "eu-west-1" } });
new Offload(stack, "Offload", {
  apiPackage: `${packages}/offload-api.zip`,
  workerPackage: `${packages}/offload-worker.zip`,
  workerProcessor: "demo",
  // Made with `offload keys create`.
  auth: "keys",
});
