# Secrets. None is in a state, a plan or a function's configuration: the programs read them by their
# ARNs as they start.

variable "token_secret_version" {
  description = "Version of the secret that signs order tokens, which is made here. Raised by one, new tokens are signed by a new secret, and those of the one before are taken until it is raised again. Raised by three, no older one is taken any more."
  type        = number
  default     = 1

  validation {
    condition     = var.token_secret_version >= 1 && floor(var.token_secret_version) == var.token_secret_version
    error_message = "token_secret_version is a whole number from 1: raise it for a new secret."
  }
}

variable "token_secret_arns" {
  description = "Secrets of your own in its place, of SSM or Secrets Manager, the one that signs first: at least 32 characters each. Empty for one that is made here."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.token_secret_arns : can(regex("^arn:[a-z-]+:(secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:|ssm:[a-z0-9-]+:[0-9]{12}:parameter/)[^,]+$", arn))])
    error_message = "Each of token_secret_arns is the ARN of a secret of Secrets Manager or of a parameter of SSM."
  }
}

variable "webhooks" {
  description = "Whether orders may name a webhook, which is signed by a secret that is made here."
  type        = bool
  default     = false
}

variable "webhook_secret_version" {
  description = "Version of that secret, as token_secret_version. Webhooks are signed by the one before and the next one as well, so that receivers have time to change theirs."
  type        = number
  default     = 1

  validation {
    condition     = var.webhook_secret_version >= 1 && floor(var.webhook_secret_version) == var.webhook_secret_version
    error_message = "webhook_secret_version is a whole number from 1: raise it for a new secret."
  }
}

variable "webhook_secret_arns" {
  description = "Secrets of your own in its place, the newest first: whsec_ and the base64 of 24 to 64 bytes each."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.webhook_secret_arns : can(regex("^arn:[a-z-]+:(secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:|ssm:[a-z0-9-]+:[0-9]{12}:parameter/)[^,]+$", arn))])
    error_message = "Each of webhook_secret_arns is the ARN of a secret of Secrets Manager or of a parameter of SSM."
  }
}

variable "secret_key_arns" {
  description = "Keys of KMS of your own by which secrets of your own are encrypted, beside customer_key; empty where AWS's keys do."
  type        = list(string)
  default     = []
}

module "token_secret" {
  source = "./modules/secret"
  count  = length(var.token_secret_arns) == 0 ? 1 : 0

  name        = var.name
  secret      = "token-secret"
  description = "Signs the tokens of orders of ${var.name}."
  current     = var.token_secret_version
  arn_prefix  = local.parameters
  key_arn     = local.key_arn
}

module "webhook_secret" {
  source = "./modules/secret"
  count  = var.webhooks && length(var.webhook_secret_arns) == 0 ? 1 : 0

  name        = var.name
  secret      = "webhook-secret"
  description = "Signs the webhooks of ${var.name}."
  current     = var.webhook_secret_version
  webhooks    = true
  arn_prefix  = local.parameters
  key_arn     = local.key_arn
}

locals {
  parameters = "arn:${data.aws_partition.current.partition}:ssm:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:parameter"

  token_secret_arns   = concat(var.token_secret_arns, flatten(module.token_secret[*].arns))
  webhook_secret_arns = !var.webhooks ? [] : concat(var.webhook_secret_arns, flatten(module.webhook_secret[*].arns))

  # What each role may read, by its part of the work. A member of a secret's JSON, a stage and a
  # version may be behind its ARN, and a version behind that of a parameter: they are no part of the
  # resource.
  readable = {
    for part, arns in {
      api      = concat(var.token_secret_arns, flatten(module.token_secret[*].readable))
      notifier = concat(!var.webhooks ? [] : concat(var.webhook_secret_arns, flatten(module.webhook_secret[*].readable)), compact([var.appsync_api_key_arn, var.mercure_jwt_arn]))
      # ECS reads them as it starts a task, not the program.
      execution = values(var.worker_secrets)
    } : part => distinct([for arn in arns : join(":", slice(split(":", arn), 0, min(strcontains(arn, ":ssm:") ? 6 : 7, length(split(":", arn)))))])
    if length(arns) > 0 && (part == "api" || contains(keys(module.worker.roles), part))
  }
}

resource "aws_iam_role_policy" "secrets" {
  for_each = local.readable
  name     = "secrets"
  role     = each.key == "api" ? module.api.role_name : module.worker.roles[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for service, action in { secretsmanager = "secretsmanager:GetSecretValue", ssm = "ssm:GetParameters" } : {
        Sid                                    = "Read${title(service)}"
        Effect                                 = "Allow"
        Action                                 = action
        Resource                               = [for arn in each.value : arn if strcontains(arn, ":${service}:")]
      } if anytrue([for arn in each.value : strcontains(arn, ":${service}:")])],
      length(var.secret_key_arns) == 0 ? [] : [{
        Sid      = "Decrypt"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = var.secret_key_arns
      }],
    )
  })
}

# Where it was when containers alone had secrets.
moved {
  from = module.worker.aws_iam_role_policy.secrets[0]
  to   = aws_iam_role_policy.secrets["execution"]
}
