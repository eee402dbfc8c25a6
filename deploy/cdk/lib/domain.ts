// A domain of one's own for an API.

import { aws_apigatewayv2 as gateway, aws_route53 as route53 } from "aws-cdk-lib";
import { Construct } from "constructs";

export interface DomainProps {
  readonly name: string;
  /** ARN of a certificate of ACM, in the region of the API. */
  readonly certificateArn: string;
  /** Id of the hosted zone, where Route 53 serves the domain. */
  readonly zoneId?: string;
}

/** Leads the domain to the stage. */
export function serveAt(scope: Construct, props: DomainProps, stage: gateway.CfnStage): void {
  const domain = new gateway.CfnDomainName(scope, "Domain", {
    domainName: props.name,
    domainNameConfigurations: [
      { certificateArn: props.certificateArn, endpointType: "REGIONAL", securityPolicy: "TLS_1_2" },
    ],
  });
  new gateway.CfnApiMapping(scope, "Mapping", { apiId: stage.apiId, domainName: domain.ref, stage: stage.ref });
  if (!props.zoneId) {
    return;
  }
  for (const type of ["A", "AAAA"]) {
    new route53.CfnRecordSet(scope, `Record${type}`, {
      hostedZoneId: props.zoneId,
      name: props.name,
      type,
      aliasTarget: {
        dnsName: domain.attrRegionalDomainName,
        hostedZoneId: domain.attrRegionalHostedZoneId,
        evaluateTargetHealth: false,
      },
    });
  }
}
