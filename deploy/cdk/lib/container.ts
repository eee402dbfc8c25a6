// The container, for work that takes longer than a function may run or needs an image of its own.
// It consumes the queues, ends dead letters and sweeps, all in one program.

import { Stack, aws_ecs as ecs, aws_iam as iam, aws_lambda as lambda, aws_logs as logs, aws_sqs as sqs } from "aws-cdk-lib";
import { Construct } from "constructs";

import { scaleByWork } from "./autoscaling.js";
import { type CommonProps, makeLog } from "./functions.js";
import { readSecrets } from "./secrets.js";
import type { Part } from "./statements.js";

export interface FargateProps {
  /** The worker, with the program that does the work in it. */
  readonly image: string;
  /** Ids of subnets with a way to AWS's endpoints. */
  readonly subnetIds: string[];
  /** Ids of security groups: out to HTTPS, nothing in. */
  readonly securityGroups: string[];
  /** Of a task, in 1,024ths of a processor: 256 by default. */
  readonly cpu?: number;
  /** Of a task, in MiB: 512 by default. */
  readonly memory?: number;
  /** One by default. At most as many as workerMaxConcurrency run, as there is work for. */
  readonly minTasks?: number;
  /** Orders, waiting or worked on, that are right for one task: by default as many as it works on at once. */
  readonly ordersPerTask?: number;
}

export interface ContainerProps extends FargateProps {
  readonly common: CommonProps;
  readonly maxTasks: number;
  readonly ordersAtOnce: number;
  readonly environment: Record<string, string>;
  /** Variables by the ARN of a secret or parameter. */
  readonly secrets: Record<string, string>;
  /** Keys of KMS by which they are encrypted. */
  readonly secretKeyArns?: string[];
  /** Seconds that the program has to stop. */
  readonly grace: number;
  readonly statements: Record<Part, iam.PolicyStatement[]>;
  /** Queues of orders, by priority. */
  readonly queues: Record<string, sqs.IQueue>;
}

export class Container extends Construct {
  /** `addToPolicy` allows what your work needs. */
  readonly role: iam.Role;
  readonly cluster: ecs.CfnCluster;
  readonly service: ecs.CfnService;
  readonly log: logs.LogGroup;

  constructor(scope: Construct, id: string, props: ContainerProps) {
    super(scope, id);
    const { common } = props;
    const name = `${common.prefix}-worker`;
    this.log = makeLog(this, "Log", `/aws/ecs/${name}`, common);
    this.role = this.makeRole(name, common.prefix, props.statements);
    this.cluster = new ecs.CfnCluster(this, "Cluster", {
      clusterName: common.prefix,
      clusterSettings: [{ name: "containerInsights", value: "enabled" }],
    });
    this.service = new ecs.CfnService(this, "Service", {
      serviceName: name,
      cluster: this.cluster.ref,
      taskDefinition: this.makeTask(name, props).ref,
      desiredCount: props.minTasks ?? 1,
      launchType: "FARGATE",
      // No fewer tasks than before while a deployment goes on; one whose tasks do not stay up is
      // taken back.
      deploymentConfiguration: {
        minimumHealthyPercent: 100,
        maximumPercent: 200,
        deploymentCircuitBreaker: { enable: true, rollback: true },
      },
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: props.subnetIds,
          securityGroups: props.securityGroups,
          assignPublicIp: "DISABLED",
        },
      },
    });
    scaleByWork(this, common.prefix, this.service, {
      least: props.minTasks ?? 1,
      most: props.maxTasks,
      ordersPerTask: props.ordersPerTask ?? props.ordersAtOnce,
      queues: props.queues,
    });
  }

  private makeRole(roleName: string, prefix: string, statements: Record<Part, iam.PolicyStatement[]>): iam.Role {
    // One program, all parts but the notifier: each statement once, by a name of its own.
    const named = (["worker", "dead_letters", "sweeper"] as const).flatMap((part) => {
      const by = part.replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
      return statements[part].map((s) => s.copy({ sid: `${by}${s.sid}` }));
    });
    // The worker asks its agent not to stop it while long work runs, and the agent asks ECS with
    // the task's role.
    const tasks = Stack.of(this).formatArn({ service: "ecs", resource: "task", resourceName: `${prefix}/*` });
    named.push(new iam.PolicyStatement({ sid: "ProtectLongWork", actions: ["ecs:UpdateTaskProtection"], resources: [tasks] }));
    return new iam.Role(this, "Role", {
      roleName,
      description: `What the worker of ${prefix} may do.`,
      assumedBy: new iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
      inlinePolicies: { Worker: new iam.PolicyDocument({ statements: named }) },
    });
  }

  private makeTask(family: string, props: ContainerProps): ecs.CfnTaskDefinition {
    const { common, secrets } = props;
    const execution = new iam.Role(this, "Execution", {
      roleName: `${family}-execution`,
      description: "Starts tasks: pulls the image and writes logs.",
      assumedBy: new iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
      managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName("service-role/AmazonECSTaskExecutionRolePolicy")],
    });
    // ECS reads them as it starts a task, not the program.
    readSecrets(Object.values(secrets), props.secretKeyArns).forEach((statement) => execution.addToPolicy(statement));
    return new ecs.CfnTaskDefinition(this, "Task", {
      family,
      requiresCompatibilities: ["FARGATE"],
      networkMode: "awsvpc",
      cpu: String(props.cpu ?? 256),
      memory: String(props.memory ?? 512),
      executionRoleArn: execution.roleArn,
      taskRoleArn: this.role.roleArn,
      runtimePlatform: {
        operatingSystemFamily: "LINUX",
        cpuArchitecture: common.architecture === lambda.Architecture.ARM_64 ? "ARM64" : "X86_64",
      },
      containerDefinitions: [
        {
          name: "worker",
          image: props.image,
          essential: true,
          environment: Object.entries(props.environment).map(([name, value]) => ({ name, value })),
          secrets: Object.entries(secrets).map(([name, valueFrom]) => ({ name, valueFrom })),
          // A task that is killed before the end of the program's own grace period costs its orders
          // an attempt.
          stopTimeout: props.grace + 5,
          logConfiguration: {
            logDriver: "awslogs",
            options: {
              "awslogs-group": this.log.logGroupName,
              "awslogs-region": Stack.of(this).region,
              "awslogs-stream-prefix": "worker",
            },
          },
        },
      ],
    });
  }
}
