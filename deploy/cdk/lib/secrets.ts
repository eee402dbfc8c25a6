// Secrets. None is in a template or a function's configuration: the programs read them by their
// ARNs as they start.

import { aws_iam as iam, aws_kms as kms, aws_secretsmanager as secretsmanager } from "aws-cdk-lib";
import { Construct } from "constructs";

/** A secret that nobody makes up: Secrets Manager draws it. */
export function makeTokenSecret(scope: Construct, name: string, key?: kms.IKey): string {
  const secret = new secretsmanager.CfnSecret(scope, "TokenSecret", {
    name: `${name}-token-secret`,
    description: `Signs the tokens of orders of ${name}.`,
    generateSecretString: { passwordLength: 64, excludePunctuation: true },
    kmsKeyId: key?.keyArn,
  });
  return secret.ref;
}

/** What a role needs to read secrets. */
export function readSecrets(arns: string[], keys: string[] = []): iam.PolicyStatement[] {
  const actions = { secretsmanager: "secretsmanager:GetSecretValue", ssm: "ssm:GetParameters" };
  // One that is made here has no ARN yet.
  const serviceOf = (arn: string) => (arn.split(":")[2] === "ssm" ? "ssm" : "secretsmanager");
  const statements = Object.entries(actions).flatMap(([service, action]) => {
    // A member of a secret's JSON, a stage and a version may be behind its ARN, and a version
    // behind that of a parameter: they are no part of the resource.
    const parts = service === "ssm" ? 6 : 7;
    const of = arns.filter((arn) => serviceOf(arn) === service).map((arn) => arn.split(":").slice(0, parts).join(":"));
    const sid = `Read${service.charAt(0).toUpperCase()}${service.slice(1)}`;
    return of.length > 0 ? [new iam.PolicyStatement({ sid, actions: [action], resources: of })] : [];
  });
  if (statements.length > 0 && keys.length > 0) {
    statements.push(new iam.PolicyStatement({ sid: "Decrypt", actions: ["kms:Decrypt"], resources: keys }));
  }
  return statements;
}
