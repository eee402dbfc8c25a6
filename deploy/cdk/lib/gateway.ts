// The HTTP API, by which clients submit orders, and the WebSocket API, which pushes changes to
// them.

import { Stack, aws_apigatewayv2 as gateway, aws_lambda as lambda, aws_logs as logs } from "aws-cdk-lib";
import { Construct } from "constructs";

/** The routes that a function serves. Anything else is refused by API Gateway, unbilled by Lambda. */
const ROUTES = [
  "POST /order",
  "GET /order/{id}",
  "DELETE /order/{id}",
  "GET /admin/orders",
  "GET /admin/orders/{id}/log",
  "DELETE /admin/orders/{id}",
  "GET /admin/deliveries/{id}",
  "POST /admin/deliveries/{id}",
  "POST /webhooks/secret",
  "OPTIONS /order",
  "OPTIONS /order/{id}",
  "GET /healthz",
  "GET /readyz",
  "GET /openapi.json",
  "GET /docs",
];

/** The routes of a connection, and whether the function's answer goes back to the client. */
const CONNECTION_ROUTES = { $connect: false, $disconnect: false, $default: true, subscribe: true };
const STAGE = "push";
// A client in a loop is slowed down before it costs much.
const THROTTLING = { throttlingRateLimit: 1000, throttlingBurstLimit: 2000 };

function routeId(route: string): string {
  return route.replace(/[^A-Za-z]/g, " ").replace(/(^| +)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}

/** Both APIs. They are made before the function, which has their URLs among its settings. */
export class Gateway extends Construct {
  readonly http: gateway.CfnApi;
  readonly webSocket: gateway.CfnApi;

  constructor(scope: Construct, id: string, name: string) {
    super(scope, id);
    this.http = new gateway.CfnApi(this, "Http", { name, description: `Orders of ${name}.`, protocolType: "HTTP" });
    this.webSocket = new gateway.CfnApi(this, "WebSocket", {
      name: `${name}-websocket`,
      description: `Pushes changes of their orders to clients in ${name}.`,
      protocolType: "WEBSOCKET",
      routeSelectionExpression: "$request.body.action",
    });
  }

  /** Where clients open WebSockets. */
  get webSocketUrl(): string {
    return `${this.webSocket.attrApiEndpoint}/${STAGE}`;
  }

  private arn(api: gateway.CfnApi, path: string): string {
    return Stack.of(this).formatArn({ service: "execute-api", resource: api.ref, resourceName: path });
  }

  /** Where connections are posted to, as a resource of policies. */
  get connectionsArn(): string {
    return this.arn(this.webSocket, `${STAGE}/POST/@connections/*`);
  }

  /** The API by which the notifier posts to connections. */
  get managementUrl(): string {
    const { region, urlSuffix } = Stack.of(this);
    return `https://${this.webSocket.ref}.execute-api.${region}.${urlSuffix}/${STAGE}`;
  }

  /** Routes both APIs to the function. */
  serve(api: lambda.Function, access: logs.LogGroup): void {
    this.serveHttp(api, access);
    this.serveWebSocket(api);
  }

  private integration(id: string, api: gateway.CfnApi, target: lambda.Function, version?: string): string {
    const { partition, region } = Stack.of(this);
    const integration = new gateway.CfnIntegration(this, id, {
      apiId: api.ref,
      integrationType: "AWS_PROXY",
      integrationUri: `arn:${partition}:apigateway:${region}:lambda:path/2015-03-31/functions/${target.functionArn}/invocations`,
      payloadFormatVersion: version,
    });
    return `integrations/${integration.ref}`;
  }

  private invokedBy(id: string, api: lambda.Function, sourceArn: string): void {
    new lambda.CfnPermission(this, id, {
      action: "lambda:InvokeFunction",
      functionName: api.functionArn,
      principal: "apigateway.amazonaws.com",
      sourceArn,
    });
  }

  private serveHttp(api: lambda.Function, access: logs.LogGroup): void {
    const target = this.integration("HttpIntegration", this.http, api, "2.0");
    for (const route of ROUTES) {
      new gateway.CfnRoute(this, routeId(route), { apiId: this.http.ref, routeKey: route, target });
    }
    new gateway.CfnStage(this, "HttpStage", {
      apiId: this.http.ref,
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
    this.invokedBy("InvokedByHttp", api, this.arn(this.http, "*/*"));
  }

  private serveWebSocket(api: lambda.Function): void {
    const target = this.integration("WebSocketIntegration", this.webSocket, api);
    const stage = new gateway.CfnStage(this, "WebSocketStage", {
      apiId: this.webSocket.ref,
      stageName: STAGE,
      autoDeploy: true,
      defaultRouteSettings: THROTTLING,
    });
    for (const [routeKey, answers] of Object.entries(CONNECTION_ROUTES)) {
      const id = `On${routeId(routeKey)}`;
      const route = new gateway.CfnRoute(this, id, {
        apiId: this.webSocket.ref,
        routeKey,
        target,
        // Without it what the function answers is dropped.
        routeResponseSelectionExpression: answers ? "$default" : undefined,
      });
      stage.node.addDependency(route);
      if (answers) {
        new gateway.CfnRouteResponse(this, `${id}Answer`, {
          apiId: this.webSocket.ref,
          routeId: route.ref,
          routeResponseKey: "$default",
        });
      }
    }
    this.invokedBy("InvokedByWebSocket", api, this.arn(this.webSocket, `${STAGE}/*`));
  }
}
