// The channels that events are delivered through, beside open connections: properties, settings,
// and what the notifier's role may do for them.

import { aws_iam as iam } from "aws-cdk-lib";

export interface ChannelProps {
  /**
   * Secrets that sign webhooks, in SSM or Secrets Manager, by their ARNs, the newest first: whsec_
   * and base64 of 24 to 64 bytes each. Without one there are no webhooks.
   */
  readonly webhookSecretArns?: string[];
  /** Hosts that webhooks may go to, such as *.example.com: any public one by default. */
  readonly webhookAllow?: string[];
  /** Hosts and networks that webhooks never go to. */
  readonly webhookDeny?: string[];
  /** SNS topic that gets every change of every order. */
  readonly eventTopicArn?: string;
  /** Whether orders may come from tasks of Step Functions that wait for them (.waitForTaskToken). */
  readonly stepFunctions?: boolean;
  /** AppSync Events API that gets every change on the channel /orders/{id}: https://.../event. */
  readonly appsyncUrl?: string;
  /** ARN of that API, where the notifier's role publishes to it. */
  readonly appsyncApiArn?: string;
  /** API key of that API, where a key does, in SSM or Secrets Manager. */
  readonly appsyncApiKeyArn?: string;
  /** Mercure hub that gets every change: https://.../.well-known/mercure. */
  readonly mercureUrl?: string;
  /** JWT that may publish to that hub, in SSM or Secrets Manager. */
  readonly mercureJwtArn?: string;
}

/** Those that have a value. */
export function present(settings: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Settings of every function and container: the writer of a status sends its events to these. */
export function channelSettings(props: ChannelProps): Record<string, string> {
  return present({
    OFFLOAD_EVENT_TOPIC_ARN: props.eventTopicArn,
    OFFLOAD_APPSYNC_URL: props.appsyncUrl,
    OFFLOAD_MERCURE_URL: props.mercureUrl,
  });
}

function joined(list: string[] = []): string | undefined {
  return list.length > 0 ? list.join(",") : undefined;
}

function webhookRules(props: ChannelProps): Record<string, string> {
  return present({ OFFLOAD_WEBHOOK_ALLOW: joined(props.webhookAllow), OFFLOAD_WEBHOOK_DENY: joined(props.webhookDeny) });
}

/** Settings of the api, which refuses an order with a webhook that the notifier would refuse. */
export function apiChannelSettings(props: ChannelProps): Record<string, string> {
  return { ...(props.webhookSecretArns?.length ? { OFFLOAD_WEBHOOKS: "true" } : {}), ...webhookRules(props) };
}

/** Settings of the notifier, which alone reads the secrets. */
export function notifierChannelSettings(props: ChannelProps): Record<string, string> {
  return {
    ...webhookRules(props),
    ...present({
      OFFLOAD_WEBHOOK_SECRET_ARN: joined(props.webhookSecretArns),
      OFFLOAD_APPSYNC_API_KEY_ARN: props.appsyncApiKeyArn,
      OFFLOAD_MERCURE_JWT_ARN: props.mercureJwtArn,
    }),
  };
}

/** ARNs of the secrets that the notifier reads. */
export function notifierSecrets(props: ChannelProps): string[] {
  return [...(props.webhookSecretArns ?? []), props.appsyncApiKeyArn, props.mercureJwtArn].filter((arn) => arn !== undefined);
}

/** What the notifier's role may do. */
export function channelStatements(props: ChannelProps): iam.PolicyStatement[] {
  const statements: iam.PolicyStatement[] = [];
  const allow = (sid: string, actions: string[], resource: string) =>
    statements.push(new iam.PolicyStatement({ sid, actions, resources: [resource] }));
  if (props.eventTopicArn) {
    allow("PublishToTopic", ["sns:Publish"], props.eventTopicArn);
  }
  if (props.stepFunctions) {
    // AWS offers no narrower resource: a task's token is what opens it, and nothing else.
    allow("AnswerTasks", ["states:SendTaskFailure", "states:SendTaskHeartbeat", "states:SendTaskSuccess"], "*");
  }
  if (props.appsyncApiArn) {
    allow("PublishToAppSync", ["appsync:EventPublish"], `${props.appsyncApiArn}/channelNamespace/orders`);
  }
  return statements;
}
