// The WebSocket API of API Gateway, which keeps connections open in place of a function.

import { Stack, aws_apigatewayv2 as gateway, aws_lambda as lambda, aws_logs as logs } from "aws-cdk-lib";
import { Construct } from "constructs";

import { type DomainProps, serveAt } from "./domain.js";
import { THROTTLING, executionArn, integrate, routeId } from "./gateway.js";

/** The routes of a connection, and whether the function's answer goes back to the client. */
const ROUTES = { $connect: false, $disconnect: false, $default: true, subscribe: true };
const STAGE = "push";

export interface WebSocketApiProps {
  readonly name: string;
  readonly domain?: DomainProps;
}

/** It is made before the function, which has its URLs among its settings. */
export class WebSocketApi extends Construct {
  readonly api: gateway.CfnApi;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: WebSocketApiProps,
  ) {
    super(scope, id);
    this.api = new gateway.CfnApi(this, "Api", {
      name: `${props.name}-websocket`,
      description: `Pushes changes of their orders to clients in ${props.name}.`,
      protocolType: "WEBSOCKET",
      routeSelectionExpression: "$request.body.action",
    });
  }

  /** Where clients open WebSockets. */
  get url(): string {
    const { domain } = this.props;
    return domain ? `wss://${domain.name}` : `${this.api.attrApiEndpoint}/${STAGE}`;
  }

  /** Where connections are posted to, as a resource of policies. */
  get connectionsArn(): string {
    return executionArn(this.api, `${STAGE}/POST/@connections/*`);
  }

  /** The API by which the notifier posts to connections. */
  get managementUrl(): string {
    const { region, urlSuffix } = Stack.of(this);
    return `https://${this.api.ref}.execute-api.${region}.${urlSuffix}/${STAGE}`;
  }

  /** Routes the API to the function. */
  serve(target: lambda.Function, access?: logs.LogGroup): void {
    const integration = integrate(this, this.api, target, `${STAGE}/*`);
    const stage = new gateway.CfnStage(this, "Stage", {
      apiId: this.api.ref,
      stageName: STAGE,
      autoDeploy: true,
      defaultRouteSettings: THROTTLING,
      accessLogSettings: access && {
        destinationArn: access.logGroupArn,
        // Without the messages: they hold tokens.
        format: JSON.stringify({
          requestId: "$context.requestId",
          event: "$context.eventType",
          route: "$context.routeKey",
          status: "$context.status",
          latencyMs: "$context.integrationLatency",
          error: "$context.integrationErrorMessage",
        }),
      },
    });
    for (const [routeKey, answers] of Object.entries(ROUTES)) {
      const id = `On${routeId(routeKey)}`;
      const route = new gateway.CfnRoute(this, id, {
        apiId: this.api.ref,
        routeKey,
        target: integration,
        // Without it what the function answers is dropped.
        routeResponseSelectionExpression: answers ? "$default" : undefined,
      });
      // A WebSocket API without routes cannot be deployed.
      stage.node.addDependency(route);
      if (answers) {
        new gateway.CfnRouteResponse(this, `${id}Answer`, {
          apiId: this.api.ref,
          routeId: route.ref,
          routeResponseKey: "$default",
        });
      }
    }
    if (this.props.domain) {
      serveAt(this, this.props.domain, stage);
    }
  }
}
