// Who signs URLs, and who may use the customer's key.

import { Duration, aws_iam as iam, aws_kms as kms, aws_s3 as s3 } from "aws-cdk-lib";
import { Construct } from "constructs";

/**
 * A presigned URL can do what its signer can, and dies with its credentials. A function does not
 * know when its own end, so it assumes this role, which may read and nothing else.
 */
export function makeSigner(
  scope: Construct,
  name: string,
  bucket: s3.IBucket,
  trusted: iam.IRole[],
  allowedCidrs: string[] = [],
): iam.Role {
  const signer = new iam.Role(scope, "Signer", {
    roleName: `${name}-signer`,
    description: `Signs the URLs of status objects and results of ${name}.`,
    // Through chaining a session lasts an hour at most.
    maxSessionDuration: Duration.hours(1),
    assumedBy: new iam.CompositePrincipal(...trusted.map((role) => new iam.ArnPrincipal(role.roleArn))),
  });
  signer.addToPolicy(
    new iam.PolicyStatement({
      sid: "ReadStatusResultsAndLogs",
      actions: ["s3:GetObject"],
      resources: ["status", "results", "logs"].map((prefix) => bucket.arnForObjects(`${prefix}/*`)),
    }),
  );
  if (allowedCidrs.length > 0) {
    // Whatever the role's session is used for, URLs or credentials of access = sts, and wherever
    // the bucket's own policy cannot see that it is a client.
    signer.addToPolicy(
      new iam.PolicyStatement({
        sid: "FromAllowedNetworksOnly",
        effect: iam.Effect.DENY,
        actions: ["s3:GetObject"],
        resources: ["*"],
        // Through a VPC endpoint a request has the one, from elsewhere the other. A key that a
        // request does not have matches no network.
        conditions: { NotIpAddress: { "aws:SourceIp": allowedCidrs, "aws:VpcSourceIp": allowedCidrs } },
      }),
    );
  }
  return signer;
}

/**
 * Each role that reads or writes what is encrypted by the key needs it too: clients of S3 by the
 * signer's role. That of tasks' start and that of the schedule handle nothing of it.
 */
export function allowKey(key: kms.IKey, signer: iam.Role, others: iam.IRole[]): void {
  const allow = (role: iam.IRole, actions: string[]) =>
    role.addToPrincipalPolicy(new iam.PolicyStatement({ sid: "UseKey", actions, resources: [key.keyArn] }));
  allow(signer, ["kms:Decrypt"]);
  const uses = ["Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"];
  for (const role of others) {
    allow(role, uses.map((use) => `kms:${use}`));
  }
}
