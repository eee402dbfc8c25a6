// The HTTP API, by which clients submit orders.

import { Stack, aws_apigatewayv2 as gateway, aws_lambda as lambda, aws_logs as logs } from "aws-cdk-lib";
import { Construct } from "constructs";

import { type AuthorizerProps, authorization } from "./authorizer.js";
import { type DomainProps, serveAt } from "./domain.js";
import type { JwtProps } from "./props.js";

/**
 * The routes that a function serves, by who may pass. Anything else is refused by API Gateway,
 * unbilled by Lambda.
 */
export const ROUTES = {
  /** What callers and operators call: an authorizer is asked. */
  callers: [
    "POST /order",
    "POST /orders",
    "GET /admin/orders",
    "GET /admin/orders/{id}",
    "GET /admin/orders/{id}/log",
    "DELETE /admin/orders/{id}",
    "POST /admin/orders/{id}/cancel",
    "POST /admin/orders/{id}/redrive",
    "POST /admin/orders/{id}/purge",
    "GET /admin/counts",
    "GET /admin/workers",
    "GET /admin/deliveries",
    "GET /admin/deliveries/{id}",
    "POST /admin/deliveries/{id}",
    "GET /admin/actions",
    "POST /admin/actions",
    "GET /admin/actions/{id}",
    "DELETE /admin/actions/{id}",
    "POST /webhooks/secret",
  ],
  /**
   * What is of an order, which its token opens that an authorizer would refuse; preflights, which
   * have no credentials; and what says nothing of orders.
   */
  everybody: [
    "GET /order/{id}",
    "GET /group/{id}",
    "DELETE /order/{id}",
    "OPTIONS /order",
    "OPTIONS /orders",
    "OPTIONS /order/{id}",
    "OPTIONS /group/{id}",
    "GET /healthz",
    "GET /readyz",
    "GET /openapi.json",
    "GET /docs",
  ],
};

// A client in a loop is slowed down before it costs much.
export const THROTTLING = { throttlingRateLimit: 1000, throttlingBurstLimit: 2000 };

/** A route as part of a logical id. */
export function routeId(route: string): string {
  return route.replace(/[^A-Za-z]/g, " ").replace(/(^| +)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}

/** Has an API invoke the function; the target of its routes. */
export function integrate(
  scope: Construct,
  api: gateway.CfnApi,
  target: lambda.Function,
  callers: string,
  payloadFormatVersion?: string,
): string {
  const { partition, region } = Stack.of(scope);
  const integration = new gateway.CfnIntegration(scope, "Integration", {
    apiId: api.ref,
    integrationType: "AWS_PROXY",
    integrationUri: `arn:${partition}:apigateway:${region}:lambda:path/2015-03-31/functions/${target.functionArn}/invocations`,
    payloadFormatVersion,
  });
  new lambda.CfnPermission(scope, "InvokedByApi", {
    action: "lambda:InvokeFunction",
    functionName: target.functionArn,
    principal: "apigateway.amazonaws.com",
    sourceArn: executionArn(api, callers),
  });
  return `integrations/${integration.ref}`;
}

/** What one may execute of an API. */
export function executionArn(api: gateway.CfnApi, path: string): string {
  return Stack.of(api).formatArn({ service: "execute-api", resource: api.ref, resourceName: path });
}

export interface HttpApiProps {
  readonly name: string;
  readonly domain?: DomainProps;
  readonly authorizer?: AuthorizerProps;
  readonly jwt?: JwtProps;
}

/** It is made before the function, which has its URL among its settings. */
export class HttpApi extends Construct {
  readonly api: gateway.CfnApi;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: HttpApiProps,
  ) {
    super(scope, id);
    const { name } = props;
    this.api = new gateway.CfnApi(this, "Api", { name, description: `Orders of ${name}.`, protocolType: "HTTP" });
  }

  /** Where clients submit orders. */
  get url(): string {
    const { domain } = this.props;
    return domain ? `https://${domain.name}` : this.api.attrApiEndpoint;
  }

  /** Routes the API to the function. */
  serve(target: lambda.Function, access: logs.LogGroup): void {
    const integration = integrate(this, this.api, target, "*/*", "2.0");
    const { authorizer, jwt, domain } = this.props;
    const ofCallers = authorization(this, this.api, authorizer, jwt);
    for (const route of [...ROUTES.callers, ...ROUTES.everybody]) {
      const who = ROUTES.callers.includes(route) ? ofCallers : { authorizationType: "NONE" };
      new gateway.CfnRoute(this, routeId(route), { apiId: this.api.ref, routeKey: route, target: integration, ...who });
    }
    const stage = new gateway.CfnStage(this, "Stage", {
      apiId: this.api.ref,
      // No stage in the path: links and Location stay as the program makes them.
      stageName: "$default",
      autoDeploy: true,
      accessLogSettings: {
        destinationArn: access.logGroupArn,
        // Without the query: it may hold a token.
        format: JSON.stringify({
          requestId: "$context.requestId",
          route: "$context.routeKey",
          status: "$context.status",
          latencyMs: "$context.responseLatency",
          error: "$context.integrationErrorMessage",
        }),
      },
      defaultRouteSettings: THROTTLING,
    });
    if (domain) {
      serveAt(this, domain, stage);
    }
  }
}
