// The api's function, and what does the work and delivers events: functions of the worker's
// package, or a container and the notifier.

import { Duration, aws_iam as iam, aws_lambda as lambda } from "aws-cdk-lib";
import { Construct } from "constructs";

import { channelStatements, notifierSecrets } from "./channels.js";
import { Container } from "./container.js";
import { type CommonProps, type FunctionProps, OTHER_PARTS, feed, feedFromStream, makeFunction, sweepEveryMinute } from "./functions.js";
import type { OffloadProps } from "./props.js";
import type { Queues } from "./queues.js";
import { readSecrets } from "./secrets.js";
import { type Surroundings, ordersAtOnce, settings } from "./settings.js";
import { type Part, statements } from "./statements.js";

/** It makes them in `scope`, so that each is found there by its part. */
export class Programs {
  /** By what they do. With fargate there are those of the api and the notifier. */
  readonly functions: Partial<Record<Part, lambda.Function>> = {};
  readonly api: lambda.Function;
  readonly container?: Container;
  private readonly environments: Record<Part, Record<string, string>>;
  private readonly allowed: Record<Part, iam.PolicyStatement[]>;

  constructor(
    private readonly scope: Construct,
    private readonly common: CommonProps,
    private readonly props: OffloadProps,
    around: Surroundings,
  ) {
    const { queues } = around;
    this.environments = settings(props, around);
    this.allowed = statements(around);
    this.allowed.api.push(...readSecrets(around.tokenSecrets, props.secretKeyArns));
    this.allowed.notifier.push(...channelStatements(props), ...readSecrets(notifierSecrets(props), props.secretKeyArns));
    this.api = this.make("api", "api", "Accepts, reports and cancels orders.", {
      // Below API Gateway's 30 s, so that the function can still say what was wrong.
      timeout: Duration.seconds(20),
      roleDescription: `What the api of ${common.prefix} may do.`,
      reservedConcurrency: props.apiReservedConcurrency,
    });
    if (props.fargate) {
      this.container = this.makeContainer(queues);
    } else {
      this.makeWorkers(queues);
    }
    this.makeNotifier(around);
  }

  /** Roles that sign URLs. */
  get signing(): iam.IRole[] {
    const { api, worker, dead_letters: deadLetters } = this.functions;
    const ofFunctions = [api, worker, deadLetters].flatMap((f) => (f ? [f.role!] : []));
    return this.container ? [...ofFunctions, this.container.role] : ofFunctions;
  }

  /** Roles of all functions and of the container. */
  get roles(): iam.IRole[] {
    const ofFunctions = Object.values(this.functions).map((f) => f.role!);
    return this.container ? [...ofFunctions, this.container.role] : ofFunctions;
  }

  private make(
    part: Part,
    name: string,
    description: string,
    more: Pick<FunctionProps, "timeout" | "roleDescription" | "reservedConcurrency"> & { memory?: number },
  ): lambda.Function {
    const id = part.replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
    const made = makeFunction(this.scope, id, this.common, {
      name,
      description,
      package: part === "api" ? this.props.apiPackage : this.props.workerPackage,
      memory: 256,
      environment: this.environments[part],
      statements: this.allowed[part],
      ...more,
    });
    this.functions[part] = made;
    return made;
  }

  private makeOther(part: keyof typeof OTHER_PARTS): lambda.Function {
    const { name, description, seconds } = OTHER_PARTS[part];
    return this.make(part, name, description, { timeout: Duration.seconds(seconds) });
  }

  private makeWorkers(queues: Queues): void {
    const { props } = this;
    const timeout = props.workerTimeout ?? Duration.minutes(1);
    const worker = this.make("worker", "worker", "Works on orders.", { timeout, memory: 512 });
    const most = props.workerMaxConcurrency ?? 10;
    const pollers = props.workerProvisionedPollers;
    feed("Orders", worker, queues.orders.queue, { maxConcurrency: most, pollers });
    // Lambda weighs no queues: each has pollers of its own. One of orders that may wait has an
    // eighth of the concurrency, so that a backlog in it does not take what the others of this
    // account need.
    for (const [priority, queue] of Object.entries(queues.beside)) {
      const maxConcurrency = priority === "low" ? most / 8 : most;
      feed(`Orders-${priority}`, worker, queue, { maxConcurrency, pollers });
    }
    // There should be few.
    feed("DeadLetters", this.makeOther("dead_letters"), queues.orders.dead, { maxConcurrency: 2 });
    sweepEveryMinute(this.scope, this.common.prefix, this.makeOther("sweeper"));
  }

  private makeContainer(queues: Queues): Container {
    const { props } = this;
    return new Container(this.scope, "Container", {
      ...props.fargate!,
      common: this.common,
      maxTasks: props.workerMaxConcurrency ?? 10,
      ordersAtOnce: ordersAtOnce(props),
      environment: this.environments.worker,
      secrets: props.workerSecrets ?? {},
      secretKeyArns: props.secretKeyArns,
      grace: Number(props.workerSettings?.["OFFLOAD_SHUTDOWN_GRACE_SECONDS"] ?? "25"),
      statements: this.allowed,
      queues: { normal: queues.orders.queue, ...queues.beside },
    });
  }

  /**
   * It is a function in either case: it needs no more time than a function has, and nobody else
   * sees the secrets of its channels.
   */
  private makeNotifier({ stores, queues: { push } }: Surroundings): void {
    if (!push) {
      return;
    }
    const notifier = this.makeOther("notifier");
    const maxConcurrency = this.props.notifierMaxConcurrency ?? 50;
    feed("Notifications", notifier, push.notifications.queue, { maxConcurrency });
    feed("Webhooks", notifier, push.webhooks.queue, { maxConcurrency });
    feed("WebhookRetries", notifier, push.webhookRetries.queue, { maxConcurrency: maxConcurrency / 4 });
    if (push.streamFailures) {
      feedFromStream(notifier, stores.table.tableStreamArn!, push.streamFailures);
    }
  }
}
