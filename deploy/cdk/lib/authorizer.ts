// Whom API Gateway lets through to the function.

import { Stack, aws_apigatewayv2 as gateway, aws_lambda as lambda } from "aws-cdk-lib";
import { Construct } from "constructs";

import type { JwtProps } from "./props.js";

export interface AuthorizerProps {
  /**
   * Those with a token of the issuer in jwt (jwt), those whom a function of yours lets (lambda), or
   * those who sign by IAM and may execute-api:Invoke (iam).
   */
  readonly type: "jwt" | "lambda" | "iam";
  /** With lambda: the function that is asked. */
  readonly functionArn?: string;
  /** What is asked about: the header Authorization by default. */
  readonly identitySources?: string[];
  /** With lambda: how long its answer holds, 300 by default. */
  readonly cacheSeconds?: number;
}

/** What a route of callers has. */
export interface Authorization {
  readonly authorizationType: string;
  readonly authorizerId?: string;
}

/** Makes the authorizer, if API Gateway needs one; IAM needs none. */
export function authorization(
  scope: Construct,
  api: gateway.CfnApi,
  props?: AuthorizerProps,
  jwt?: JwtProps,
): Authorization {
  const identitySource = props?.identitySources ?? ["$request.header.Authorization"];
  if (props?.type === "iam") {
    return { authorizationType: "AWS_IAM" };
  }
  if (props?.type === "jwt" && jwt) {
    const authorizer = new gateway.CfnAuthorizer(scope, "Authorizer", {
      apiId: api.ref,
      name: "callers",
      authorizerType: "JWT",
      identitySource,
      jwtConfiguration: { issuer: jwt.issuer, audience: [jwt.audience] },
    });
    return { authorizationType: "JWT", authorizerId: authorizer.ref };
  }
  if (props?.type === "lambda" && props.functionArn) {
    const { partition, region } = Stack.of(scope);
    const authorizer = new gateway.CfnAuthorizer(scope, "Authorizer", {
      apiId: api.ref,
      name: "callers",
      authorizerType: "REQUEST",
      identitySource,
      authorizerUri: `arn:${partition}:apigateway:${region}:lambda:path/2015-03-31/functions/${props.functionArn}/invocations`,
      authorizerPayloadFormatVersion: "2.0",
      // {"isAuthorized": true, "context": {…}}
      enableSimpleResponses: true,
      authorizerResultTtlInSeconds: props.cacheSeconds ?? 300,
    });
    new lambda.CfnPermission(scope, "Authorizes", {
      action: "lambda:InvokeFunction",
      functionName: props.functionArn,
      principal: "apigateway.amazonaws.com",
      sourceArn: Stack.of(scope).formatArn({
        service: "execute-api",
        resource: api.ref,
        resourceName: `authorizers/${authorizer.ref}`,
      }),
    });
    return { authorizationType: "CUSTOM", authorizerId: authorizer.ref };
  }
  return { authorizationType: "NONE" };
}
