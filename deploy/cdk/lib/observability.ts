// A dashboard, alarms on what an operator must act on, and the metrics from the programs' logs that
// some of them need. alarms.ts says what each alarm means.

import { Stack, aws_budgets as budgets, aws_cloudwatch as cloudwatch, aws_logs as logs } from "aws-cdk-lib";
import { Construct } from "constructs";

import { type Alarm, alarms } from "./alarms.js";
import { dashboard } from "./dashboard.js";
import { type LoggingPart, type Observed, WAIT_METRIC, namespaceOf } from "./observed.js";

export interface Budget {
  readonly monthlyUsd: number;
  /** Of all that has this cost allocation tag; without one, of the whole account. */
  readonly tag?: { readonly key: string; readonly value: string };
}

export interface ObservabilityProps extends Observed {
  readonly alarmTopicArn?: string;
  readonly budget?: Budget;
}

/** Lines that are counted, by their metric, and in whose log they are. */
const COUNTED: Record<string, { text: string; parts: LoggingPart[] }> = {
  "dead-lettered": { text: "order is dead-lettered", parts: ["worker", "dead_letters", "container"] },
  hung: { text: "order hung until the default deadline", parts: ["sweeper", "container"] },
  stuck: { text: "cannot sweep an order", parts: ["sweeper", "container"] },
  // As a function the sweeper fails its invocation instead.
  sweeper: { text: "cannot sweep", parts: ["container"] },
};

export class Observability extends Construct {
  constructor(scope: Construct, id: string, props: ObservabilityProps) {
    super(scope, id);
    const { name, alarmTopicArn } = props;
    this.measureLogs(props);
    const actions = alarmTopicArn ? [alarmTopicArn] : undefined;
    for (const alarm of alarms(props)) {
      this.raise(name, alarm, actions);
    }
    for (const f of props.functions) {
      for (const metricName of ["Errors", "Throttles"]) {
        new cloudwatch.CfnAlarm(this, `${f.node.id}${metricName}`, {
          alarmName: `${f.functionName}-${metricName.toLowerCase()}`,
          alarmDescription: `${f.functionName} has ${metricName.toLowerCase()}: see its log.`,
          namespace: "AWS/Lambda",
          metricName,
          dimensions: [{ name: "FunctionName", value: f.functionName }],
          statistic: "Sum",
          period: 60,
          evaluationPeriods: 3,
          threshold: 0,
          comparisonOperator: "GreaterThanThreshold",
          treatMissingData: "notBreaching",
          alarmActions: actions,
          okActions: actions,
        });
      }
    }
    new cloudwatch.CfnDashboard(this, "Dashboard", {
      dashboardName: name,
      dashboardBody: Stack.of(this).toJsonString(dashboard(props)),
    });
    if (props.budget && alarmTopicArn) {
      this.limit(name, props.budget, alarmTopicArn);
    }
  }

  private measureLogs({ name, logs: groups }: ObservabilityProps): void {
    const filter = (id: string, part: LoggingPart, metric: string, pattern: string, more: object) => {
      const group = groups[part];
      if (group) {
        const transformation = { metricNamespace: namespaceOf(name), metricName: metric, metricValue: "1", ...more };
        new logs.CfnMetricFilter(this, `${id}${part}`, {
          filterName: `${name}-${id}`,
          logGroupName: group.logGroupName,
          filterPattern: pattern,
          metricTransformations: [transformation],
        });
      }
    };
    for (const [metric, { text, parts }] of Object.entries(COUNTED)) {
      for (const part of parts) {
        filter(`${metric}-${part}`, part, metric, `{ $.message = "${text}" }`, {});
      }
    }
    for (const part of ["worker", "container"] as const) {
      const pattern = '{ $.message = "work on an order starts" && $.waited_seconds = * && $.priority = * }';
      filter(WAIT_METRIC, part, WAIT_METRIC, pattern, {
        metricValue: "$.waited_seconds",
        unit: "Seconds",
        dimensions: [{ key: "priority", value: "$.priority" }],
      });
    }
  }

  private raise(name: string, alarm: Alarm, actions?: string[]): void {
    new cloudwatch.CfnAlarm(this, alarm.id, {
      alarmName: `${name}-${alarm.id}`,
      alarmDescription: alarm.description,
      evaluationPeriods: alarm.periods ?? 1,
      threshold: alarm.threshold ?? 0,
      comparisonOperator: "GreaterThanThreshold",
      // What is idle sends no metrics.
      treatMissingData: alarm.missing ?? "notBreaching",
      alarmActions: actions,
      okActions: actions,
      metrics: [
        { id: "alarm", label: alarm.id, expression: alarm.expression, returnData: true },
        ...Object.entries(alarm.metrics).map(([id, { namespace, metricName, stat, of }]) => ({
          id,
          returnData: false,
          metricStat: {
            metric: { namespace, metricName, dimensions: Object.entries(of).map(([name, value]) => ({ name, value })) },
            stat,
            period: alarm.period ?? 60,
          },
        })),
      ],
    });
  }

  private limit(budgetName: string, { monthlyUsd, tag }: Budget, topic: string): void {
    new budgets.CfnBudget(this, "Budget", {
      budget: {
        budgetName,
        budgetType: "COST",
        timeUnit: "MONTHLY",
        budgetLimit: { amount: monthlyUsd, unit: "USD" },
        costFilters: tag && { TagKeyValue: [`user:${tag.key}$${tag.value}`] },
      },
      notificationsWithSubscribers: Object.entries({ ACTUAL: 80, FORECASTED: 100 }).map(([notificationType, threshold]) => ({
        notification: { notificationType, threshold, thresholdType: "PERCENTAGE", comparisonOperator: "GREATER_THAN" },
        subscribers: [{ subscriptionType: "SNS", address: topic }],
      })),
    });
  }
}
