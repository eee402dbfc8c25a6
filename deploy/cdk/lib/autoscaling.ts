// As many containers as there is work: orders that wait and orders that are worked on, divided by
// the tasks that run, is kept at what one task works on at once. What is worked on counts, so that
// long work is not taken for idleness.

import { aws_applicationautoscaling as scaling, aws_ecs as ecs, aws_sqs as sqs } from "aws-cdk-lib";
import { Construct } from "constructs";

export interface ScalingProps {
  readonly least: number;
  readonly most: number;
  readonly ordersPerTask: number;
  /** Queues of orders, by priority. */
  readonly queues: Record<string, sqs.IQueue>;
}

export function scaleByWork(scope: Construct, prefix: string, service: ecs.CfnService, props: ScalingProps): void {
  const metric = (id: string, namespace: string, metricName: string, of: Record<string, string>) => ({
    id,
    returnData: false,
    metricStat: {
      stat: "Average",
      metric: { namespace, metricName, dimensions: Object.entries(of).map(([name, value]) => ({ name, value })) },
    },
  });
  const states = { waiting: "ApproximateNumberOfMessagesVisible", in_flight: "ApproximateNumberOfMessagesNotVisible" };
  const work = Object.entries(states).flatMap(([state, metricName]) =>
    Object.entries(props.queues).map(([lane, queue]) =>
      metric(`${state}_${lane}`, "AWS/SQS", metricName, { QueueName: queue.queueName }),
    ),
  );
  const ofService = { ClusterName: prefix, ServiceName: `${prefix}-worker` };
  const tasks = metric("tasks", "ECS/ContainerInsights", "RunningTaskCount", ofService);
  const sum = work.map(({ id }) => id).sort().join(" + ");
  const target = new scaling.CfnScalableTarget(scope, "Tasks", {
    serviceNamespace: "ecs",
    scalableDimension: "ecs:service:DesiredCount",
    resourceId: `service/${prefix}/${service.attrName}`,
    minCapacity: props.least,
    maxCapacity: props.most,
  });
  new scaling.CfnScalingPolicy(scope, "OrdersPerTask", {
    policyName: `${prefix}-orders-per-task`,
    policyType: "TargetTrackingScaling",
    scalingTargetId: target.ref,
    targetTrackingScalingPolicyConfiguration: {
      targetValue: props.ordersPerTask,
      // A task is up in a minute, and the queue's counts are a minute old.
      scaleOutCooldown: 60,
      // A burst that comes again within minutes finds its tasks.
      scaleInCooldown: 300,
      customizedMetricSpecification: {
        metrics: [
          {
            id: "orders_per_task",
            label: "Orders that wait or are worked on, for each task",
            expression: `(${sum}) / IF(tasks > 0, tasks, 1)`,
            returnData: true,
          },
          ...work,
          tasks,
        ],
      },
    },
  });
}
