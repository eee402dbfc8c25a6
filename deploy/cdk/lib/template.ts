// The construct as a template for those who have no CDK: `sam deploy` and `aws cloudformation
// package` upload the packages that it names by their paths.

import {
  App,
  Aws,
  CfnCondition,
  CfnOutput,
  CfnParameter,
  DefaultStackSynthesizer,
  Fn,
  Stack,
  aws_lambda as lambda,
} from "aws-cdk-lib";

import { Offload } from "./offload.js";

/** Where `just package` puts the packages, from the template. */
const PACKAGES = "../../target/package";

/** The template. The packages' content is not read: any two files do. */
export function template(apiPackage: string, workerPackage: string): object {
  const app = new App({ analyticsReporting: false });
  const synthesizer = new DefaultStackSynthesizer({ generateBootstrapVersionRule: false });
  const stack = new Stack(app, "Offload", {
    synthesizer,
    description: "status-offload: an order service whose clients poll S3. Made by deploy/cdk.",
  });
  const parameter = (id: string, description: string, more: object = {}) =>
    new CfnParameter(stack, id, { description, ...more });

  const name = parameter("Name", "Prefix of every resource's name.", {
    default: "offload",
    allowedPattern: "[a-z][a-z0-9-]{0,30}",
  });
  const auth = parameter("Auth", "How callers are known: none (everybody may submit), or keys.", {
    allowedValues: ["none", "keys"],
  });
  const processor = parameter("Processor", "What does the work.", { allowedValues: ["command", "http", "demo"] });
  /** A setting that is there only where its parameter has a value. */
  const optional = (id: string, description: string): string => {
    const given = parameter(id, description, { default: "" });
    const condition = new CfnCondition(stack, `Has${id}`, {
      expression: Fn.conditionNot(Fn.conditionEquals(given.valueAsString, "")),
    });
    return Fn.conditionIf(condition.logicalId, given.valueAsString, Aws.NO_VALUE).toString();
  };
  const offload = new Offload(stack, "Offload", {
    name: name.valueAsString,
    apiPackage,
    workerPackage,
    auth: auth.valueAsString,
    workerProcessor: processor.valueAsString,
    workerSettings: {
      OFFLOAD_COMMAND: optional("Command", "With the processor command: program and arguments; in the worker's package."),
      OFFLOAD_HTTP_URL: optional("HttpUrl", "With the processor http: the URL that orders are POSTed to."),
    },
  });
  for (const [part, f] of Object.entries(offload.functions)) {
    const program = part === "api" ? "api" : "worker";
    (f.node.defaultChild as lambda.CfnFunction).addPropertyOverride("Code", `${PACKAGES}/offload-${program}.zip`);
  }
  for (const output of ["ApiUrl", "WebSocketUrl"]) {
    (offload.node.findChild(output) as CfnOutput).overrideLogicalId(output);
  }
  return app.synth().getStackByName("Offload").template as object;
}
