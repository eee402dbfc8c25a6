# What a deployment may need after its first day: a network, a share of the account, packages from
# S3 and images, permissions of the team's own work, a customer's key.

variable "api_package_s3" {
  description = "The api's package as an object in a bucket of this region, in place of api_package: a key or version of its own for each build, or a new one is not noticed."
  type        = object({ bucket = string, key = string, version = optional(string) })
  default     = null
}

variable "worker_package_s3" {
  description = "The worker's package, likewise, in place of worker_package."
  type        = object({ bucket = string, key = string, version = optional(string) })
  default     = null
}

variable "api_image_uri" {
  description = "The api as an image in a private repository of ECR in this region, in place of a package: of one architecture, and by its digest or a tag for each build."
  type        = string
  default     = null

  validation {
    condition     = var.api_image_uri == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/.+[:@].+$", var.api_image_uri))
    error_message = "api_image_uri is 123456789012.dkr.ecr.{region}.amazonaws.com/{name}@sha256:..., or :{tag}: Lambda takes images from ECR alone."
  }
}

variable "worker_image_uri" {
  description = "The functions of the worker, likewise, in place of worker_package. The image may have the program that does the work in it."
  type        = string
  default     = null

  validation {
    condition     = var.worker_image_uri == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/.+[:@].+$", var.worker_image_uri))
    error_message = "worker_image_uri is 123456789012.dkr.ecr.{region}.amazonaws.com/{name}@sha256:..., or :{tag}: Lambda takes images from ECR alone."
  }
}

variable "api_reserved_concurrency" {
  description = "Functions that the api has for itself out of the account's, and the most that it may have; null for a share in what is free. The account keeps a hundred free."
  type        = number
  default     = null

  validation {
    condition     = var.api_reserved_concurrency == null || try(var.api_reserved_concurrency >= 1, false)
    error_message = "api_reserved_concurrency is at least 1: with 0 no order is taken."
  }
}

variable "vpc" {
  description = "Subnets and security groups of the functions; null for none, which reaches AWS without a NAT gateway. The subnets need a way to S3, SQS, DynamoDB and STS, and the notifier one to wherever webhooks go."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null

  validation {
    condition     = var.vpc == null || try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0, false)
    error_message = "vpc has at least one subnet and one security group."
  }
}

variable "worker_statements" {
  description = "What the team's own work may do beside: statements for the role of the worker, function or container."
  type = list(object({
    Sid       = optional(string)
    Effect    = optional(string, "Allow")
    Action    = list(string)
    Resource  = list(string)
    Condition = optional(map(map(list(string))))
  }))
  default = []
}

variable "worker_secrets" {
  description = "With fargate: environment variables of the worker that the container gets from Secrets Manager or SSM, by the ARN of the secret or parameter. They are in no state."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.worker_secrets) : can(regex("^arn:[a-z-]+:(secretsmanager|ssm):", arn))])
    error_message = "Each of worker_secrets is the ARN of a secret of Secrets Manager or of a parameter of SSM."
  }
}

variable "customer_key" {
  description = "A key of KMS of your own, by its ARN, for bucket, table, queues, logs and the functions' settings; null for AWS's own keys, which cost nothing. Its policy lets the account's IAM decide, and the service logs.{region}.amazonaws.com use it."
  type        = object({ arn = string })
  default     = null
}

locals {
  key_arn = one(var.customer_key[*].arn)
}

# Each role that reads or writes what is encrypted by it needs the key too: clients of S3 by the
# signer's role. That of tasks' start and that of the schedule handle nothing of it.
resource "aws_iam_role_policy" "key" {
  for_each = {
    for part, role in merge({ api = module.api.role_name, signer = aws_iam_role.signer.name }, { for part, role in module.worker.roles : part => role.name }) : part => role
    if var.customer_key != null && part != "execution"
  }
  name = "key"
  role = each.value

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "UseKey"
      Effect   = "Allow"
      Action   = each.key == "signer" ? ["kms:Decrypt"] : ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      Resource = local.key_arn
    }]
  })
}

output "packages" {
  description = "Where the packages come from: a path, an object in a bucket, or an image."
  value = {
    api    = try("s3://${var.api_package_s3.bucket}/${var.api_package_s3.key}", coalesce(var.api_image_uri, var.api_package))
    worker = try("s3://${var.worker_package_s3.bucket}/${var.worker_package_s3.key}", coalesce(var.worker_image_uri, var.worker_package))
  }

  precondition {
    condition = alltrue([for from in [
      [var.api_package, var.api_package_s3 == null ? null : "s3", var.api_image_uri],
      [var.worker_package, var.worker_package_s3 == null ? null : "s3", var.worker_image_uri],
    ] : length([for f in from : f if f != null]) == 1])
    error_message = "Each package is a path (api_package, worker_package), an object in S3 (api_package_s3, worker_package_s3) or an image (api_image_uri, worker_image_uri): one of them."
  }
  precondition {
    condition     = length(var.worker_secrets) == 0 || var.worker_runtime == "fargate"
    error_message = "worker_secrets needs worker_runtime = \"fargate\": Lambda gives a function no secrets. There, let the work read its own by worker_statements."
  }
}
