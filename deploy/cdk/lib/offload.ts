// status-offload as a construct: what infra/terraform makes, from the same packages.

import { CfnOutput, Duration, Stack, aws_iam as iam, aws_lambda as lambda, aws_logs as logs, aws_s3 as s3 } from "aws-cdk-lib";
import { Construct } from "constructs";

import { authorizerOf, check } from "./checks.js";
import type { Container } from "./container.js";
import { type CommonProps, OTHER_PARTS, makeLog } from "./functions.js";
import { HttpApi } from "./gateway.js";
import { Observability } from "./observability.js";
import { Programs } from "./programs.js";
import type { OffloadProps } from "./props.js";
import { Queues } from "./queues.js";
import { allowKey, makeSigner } from "./roles.js";
import { makeTokenSecret } from "./secrets.js";
import type { Part } from "./statements.js";
import { Stores } from "./stores.js";
import { WebSocketApi } from "./websocket.js";

export type { OffloadProps } from "./props.js";

/** An order service whose clients poll S3. */
export class Offload extends Construct {
  readonly stores: Stores;
  readonly queues: Queues;
  readonly http: HttpApi;
  /** With push. */
  readonly webSocket?: WebSocketApi;
  /** The functions, by what they do. With fargate there are those of the api and the notifier. */
  readonly functions: Partial<Record<Part, lambda.Function>>;
  /** With fargate. */
  readonly container?: Container;
  /** Role of the worker, function or container: `addToPrincipalPolicy` allows what your work needs. */
  readonly workerRole: iam.IRole;
  /** Where clients submit orders. */
  readonly url: string;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: OffloadProps,
  ) {
    super(scope, id);
    check(props);
    const name = props.name ?? "offload";
    const push = props.push ?? true;
    const common: CommonProps = {
      prefix: name,
      architecture: props.architecture ?? lambda.Architecture.ARM_64,
      logRetention: props.logRetention ?? logs.RetentionDays.ONE_MONTH,
      vpc: props.vpc,
      key: props.customerKey,
    };
    this.stores = this.makeStores(name, push);
    this.queues = this.makeQueues(name, push);
    this.http = new HttpApi(this, "Http", { name, domain: props.domain, authorizer: authorizerOf(props), jwt: props.jwt });
    this.webSocket = push ? new WebSocketApi(this, "WebSocket", { name, domain: props.websocketDomain }) : undefined;
    this.url = props.publicUrl ?? this.http.url;
    const webSocketUrl = props.websocketPublicUrl ?? this.webSocket?.url;

    const { account, partition } = Stack.of(this);
    const programs = new Programs(this, common, props, {
      stores: this.stores,
      queues: this.queues,
      // By its name, not by the resource: it trusts the functions' roles, and they may assume it.
      signer: `arn:${partition}:iam::${account}:role/${name}-signer`,
      tokenSecrets: props.tokenSecretArns?.length ? props.tokenSecretArns : [makeTokenSecret(this, name, props.customerKey)],
      urls: { api: this.url, webSocket: webSocketUrl, management: this.webSocket?.managementUrl },
      connections: this.webSocket?.connectionsArn,
    });
    this.functions = programs.functions;
    this.container = programs.container;
    this.workerRole = programs.container?.role ?? programs.functions.worker!.role!;

    this.http.serve(programs.api, makeLog(this, "AccessLog", `/aws/vendedlogs/apigateway/${name}`, common));
    const webSocketLog = push && props.websocketAccessLogs;
    this.webSocket?.serve(
      programs.api,
      webSocketLog ? makeLog(this, "WebSocketAccessLog", `/aws/apigateway/${name}-websocket`, common) : undefined,
    );
    const signer = makeSigner(this, name, this.stores.bucket, programs.signing, props.allowedCidrs);
    if (props.customerKey) {
      allowKey(props.customerKey, signer, programs.roles);
    }
    this.observe(name);
    new CfnOutput(this, "ApiUrl", { value: this.url });
    if (webSocketUrl) {
      new CfnOutput(this, "WebSocketUrl", { value: webSocketUrl });
    }
  }

  private makeStores(name: string, push: boolean): Stores {
    const { props } = this;
    return new Stores(this, "Stores", {
      name,
      access: props.access ?? "url",
      corsOrigins: props.corsOrigins ?? ["*"],
      allowedCidrs: props.allowedCidrs ?? [],
      maxSignatureAge: props.maxSignatureAge,
      statusTransitions: props.statusTransitions ?? [],
      statusExpireDays: props.statusExpireDays ?? 30,
      resultTransitions: props.resultTransitions ?? [{ days: 30, storageClass: s3.StorageClass.INFREQUENT_ACCESS }],
      resultExpireDays: props.resultExpireDays ?? 90,
      workLogExpireDays: props.workLogExpireDays ?? 30,
      pointInTimeRecovery: props.pointInTimeRecovery ?? false,
      deletionProtection: props.deletionProtection ?? true,
      stream: push && props.eventsFrom === "stream",
      key: props.customerKey,
    });
  }

  private makeQueues(name: string, push: boolean): Queues {
    const { props } = this;
    // Lambda's own advice: six times the function's timeout, so that a batch that is retried is not
    // received meanwhile. A container holds a message by renewing it, and takes the worker's own
    // lease.
    const ofFunction = (seconds: number) => Duration.seconds(6 * seconds);
    return new Queues(this, "Queues", {
      name,
      visibility: props.fargate ? Duration.seconds(30) : ofFunction(props.workerTimeout?.toSeconds() ?? 60),
      notifierVisibility: ofFunction(OTHER_PARTS.notifier.seconds),
      priorities: props.priorities ?? false,
      push,
      stream: push && props.eventsFrom === "stream",
      key: props.customerKey,
    });
  }

  private observe(name: string): void {
    const { functions, container, props } = this;
    const logOf = (part: Part) => functions[part]?.logGroup;
    new Observability(this, "Observability", {
      name,
      httpApi: this.http.api.ref,
      webSocketApi: this.webSocket?.api.ref,
      queues: this.queues,
      tableName: this.stores.table.tableName,
      functions: Object.values(functions),
      sweeper: functions.sweeper,
      container: container && { cluster: container.cluster.ref, service: container.service.attrName },
      logs: { worker: logOf("worker"), dead_letters: logOf("dead_letters"), sweeper: logOf("sweeper"), container: container?.log },
      waitingSeconds: props.alarmWaitingSeconds ?? {},
      alarmTopicArn: props.alarmTopicArn,
      budget: props.budget,
    });
  }
}
