# A new version of the api or the worker that takes a share of the work first, and goes back by
# itself when an alarm rings. Terraform publishes versions; CodeDeploy shifts the aliases, by a
# command that the output `canary` has ready.

variable "canary" {
  description = "How CodeDeploy shifts the api and the worker's function to a new version: {} for a tenth of the calls for ten minutes and then all, or another of its configurations for Lambda, such as CodeDeployDefault.LambdaLinear10PercentEvery3Minutes. null: each apply changes all at once."
  type        = object({ configuration = optional(string, "CodeDeployDefault.LambdaCanary10Percent10Minutes") })
  default     = null

  validation {
    condition     = var.canary == null || can(regex("^[A-Za-z0-9+=,.@_-]+$", var.canary.configuration))
    error_message = "canary.configuration is the name of a deployment configuration of CodeDeploy for Lambda."
  }
}

locals {
  shifted = var.canary == null ? {} : {
    for part, f in merge({ api = module.api.live }, module.worker.live) : part => f if contains(["api", "worker"], part)
  }

  # What says that a version is broken; more alarms would take back a good one.
  ringing = {
    api    = ["${var.name}-api-5xx", "${var.name}-api-errors"]
    worker = ["${var.name}-dead-lettered", "${var.name}-stalled", "${var.name}-worker-errors"]
  }
}

resource "aws_codedeploy_app" "this" {
  count            = var.canary == null ? 0 : 1
  name             = var.name
  compute_platform = "Lambda"
}

resource "aws_codedeploy_deployment_group" "this" {
  for_each               = local.shifted
  app_name               = aws_codedeploy_app.this[0].name
  deployment_group_name  = each.key
  deployment_config_name = var.canary.configuration
  service_role_arn       = aws_iam_role.shifter[0].arn

  deployment_style {
    deployment_type   = "BLUE_GREEN"
    deployment_option = "WITH_TRAFFIC_CONTROL"
  }

  alarm_configuration {
    enabled = true
    alarms  = local.ringing[each.key]
  }

  auto_rollback_configuration {
    enabled = true
    events  = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]
  }

  # It refuses alarms that are not there.
  depends_on = [module.observability, aws_iam_role_policy.shifter]
}

resource "aws_iam_role" "shifter" {
  count       = var.canary == null ? 0 : 1
  name        = "${var.name}-canary"
  description = "Shifts ${var.name} to new versions."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByCodeDeploy"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "codedeploy.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "shifter" {
  count = var.canary == null ? 0 : 1
  name  = "shift"
  role  = aws_iam_role.shifter[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ShiftAliases"
        Effect   = "Allow"
        Action   = ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
        Resource = flatten([for f in local.shifted : [f.function_arn, f.arn]])
      },
      {
        # Alarms are described several at once, and none alone.
        Sid      = "ReadAlarms"
        Effect   = "Allow"
        Action   = "cloudwatch:DescribeAlarms"
        Resource = "arn:${data.aws_partition.current.partition}:cloudwatch:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:alarm:*"
      },
    ]
  })
}

output "canary" {
  description = "For each part whose newest version is not the one that is called: the command that shifts calls to it. Empty once they are shifted, and without canary."
  value = {
    for part, f in local.shifted : part => join(" ", [
      "aws deploy create-deployment --region ${data.aws_region.current.id}",
      "--application-name ${aws_codedeploy_app.this[0].name} --deployment-group-name ${aws_codedeploy_deployment_group.this[part].deployment_group_name}",
      "--revision '${jsonencode({
        revisionType = "AppSpecContent"
        appSpecContent = {
          content = jsonencode({
            version = 0.0
            Resources = [{ (part) = {
              Type       = "AWS::Lambda::Function"
              Properties = { Name = f.function_name, Alias = f.alias, CurrentVersion = f.version, TargetVersion = f.newest }
            } }]
          })
        }
      })}'",
    ]) if f.version != f.newest
  }
}
