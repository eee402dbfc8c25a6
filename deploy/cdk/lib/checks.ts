// Combinations of properties that AWS or the programs would refuse later, and less clearly.

import { Token } from "aws-cdk-lib";

import type { AuthorizerProps } from "./authorizer.js";
import type { OffloadProps } from "./props.js";

/** The methods in auth. */
export function authMethods(props: OffloadProps): string[] {
  return props.auth.split(",").map((method) => method.trim());
}

/** What API Gateway asks. auth = gateway alone is the issuer of jwt. */
export function authorizerOf(props: OffloadProps): AuthorizerProps | undefined {
  return props.authorizer ?? (authMethods(props).includes("gateway") ? { type: "jwt" } : undefined);
}

/** Throws an error that names everything that is wrong. */
export function check(props: OffloadProps): void {
  const methods = authMethods(props);
  const authorizer = authorizerOf(props);
  const push = props.push ?? true;
  const { fargate, workerTimeout } = props;
  const known = (text: string, allowed: string[]) => Token.isUnresolved(text) || allowed.includes(text);
  const seconds = workerTimeout?.toSeconds() ?? 60;
  const grace = Number(props.workerSettings?.["OFFLOAD_SHUTDOWN_GRACE_SECONDS"] ?? "25");
  const ofPush = [
    props.webhookSecretArns?.length,
    props.eventTopicArn,
    props.stepFunctions,
    props.appsyncUrl,
    props.mercureUrl,
    props.websocketDomain,
    props.websocketPublicUrl,
    props.eventsFrom === "stream",
  ];
  const faults: [boolean, string][] = [
    [
      !Token.isUnresolved(props.name) && !/^[a-z][a-z0-9-]{1,30}$/.test(props.name ?? "offload"),
      "name has 2 to 31 lower-case letters, digits and hyphens, a letter first: it becomes part of a bucket's name.",
    ],
    [
      props.auth !== "none" && !methods.every((method) => known(method, ["keys", "jwt", "gateway"])),
      "auth is none, or a list of keys, jwt and gateway.",
    ],
    [
      (methods.includes("jwt") || authorizer?.type === "jwt") && !props.jwt,
      "jwt with issuer and audience is needed where auth names jwt or gateway, or the authorizer is of the type jwt.",
    ],
    [authorizer?.type === "lambda" && !authorizer.functionArn, "An authorizer of the type lambda needs functionArn."],
    [
      authorizer?.type === "iam" && props.auth !== "none",
      "With an authorizer of the type iam auth is none: the Authorization header is the signature's.",
    ],
    [
      authorizer?.type === "jwt" && methods.includes("keys"),
      'API Gateway refuses API keys where it asks for a JSON Web Token. With auth: "keys,jwt" and no authorizer the api checks both.',
    ],
    [
      props.access === "sts" && props.maxSignatureAge !== undefined,
      'maxSignatureAge needs access: "url": with temporary credentials each request has a signature of its own.',
    ],
    [seconds < 5 || seconds > 900, "workerTimeout is from 5 seconds to 15 minutes; longer work needs fargate."],
    [
      fargate !== undefined && !((fargate.minTasks ?? 1) >= 1 && (fargate.minTasks ?? 1) <= (props.workerMaxConcurrency ?? 10)),
      "fargate.minTasks is from 1, because a container also sweeps and ends dead letters, to workerMaxConcurrency.",
    ],
    [
      fargate !== undefined && !(grace <= 115),
      "OFFLOAD_SHUTDOWN_GRACE_SECONDS is 115 at most with fargate, which kills a task 120 s after it asked it to stop.",
    ],
    [
      !fargate && Object.keys(props.workerSecrets ?? {}).length > 0,
      "workerSecrets needs fargate: Lambda gives a function no secrets.",
    ],
    [!push && ofPush.some(Boolean), "Webhooks, events, tasks of Step Functions and websocketDomain need push, which is false."],
    [
      props.appsyncUrl !== undefined && !props.appsyncApiKeyArn && !props.appsyncApiArn,
      "appsyncUrl needs appsyncApiKeyArn, or appsyncApiArn for the notifier's role to be allowed to publish.",
    ],
    [props.mercureUrl !== undefined && !props.mercureJwtArn, "mercureUrl needs mercureJwtArn: a hub lets nobody publish without."],
    [props.budget !== undefined && !props.alarmTopicArn, "budget needs alarmTopicArn: the topic that is notified."],
  ];
  const found = faults.filter(([wrong]) => wrong).map(([, message]) => message);
  if (found.length > 0) {
    throw new Error(found.join("\n"));
  }
}
