# The channels that this deployment delivers events through, beside open connections. A channel is
# in this file alone: its variables, its settings, and what the notifier's role may do for it.

locals {
  # Settings of every function and container: the writer of a status sends its events to these.
  channel_settings = {
    for name, value in {
      OFFLOAD_EVENT_TOPIC_ARN = var.event_topic_arn
      OFFLOAD_APPSYNC_URL     = var.appsync_url
      OFFLOAD_MERCURE_URL     = var.mercure_url
    } : name => value if value != null
  }

  # Settings of the api, which refuses an order with a webhook that the notifier would refuse.
  api_channel_settings = merge(
    var.webhooks ? { OFFLOAD_WEBHOOKS = "true" } : {},
    local.webhook_rules,
  )
  webhook_rules = {
    for name, hosts in {
      OFFLOAD_WEBHOOK_ALLOW = var.webhook_allow
      OFFLOAD_WEBHOOK_DENY  = var.webhook_deny
    } : name => join(",", hosts) if length(hosts) > 0
  }

  # Settings of the notifier, which alone reads the secrets: by their ARNs.
  notifier_channel_settings = merge(
    local.webhook_rules,
    length(local.webhook_secret_arns) == 0 ? {} : { OFFLOAD_WEBHOOK_SECRET_ARN = join(",", local.webhook_secret_arns) },
    var.appsync_api_key_arn == null ? {} : { OFFLOAD_APPSYNC_API_KEY_ARN = var.appsync_api_key_arn },
    var.mercure_jwt_arn == null ? {} : { OFFLOAD_MERCURE_JWT_ARN = var.mercure_jwt_arn },
  )

  # What the notifier's role may do.
  notifier_channel_statements = concat(
    var.event_topic_arn == null ? [] : [{
      Sid      = "PublishToTopic"
      Effect   = "Allow"
      Action   = ["sns:Publish"]
      Resource = var.event_topic_arn
    }],
    # AWS offers no narrower resource: a task's token is what opens it, and nothing else.
    !var.step_functions ? [] : [{
      Sid      = "AnswerTasks"
      Effect   = "Allow"
      Action   = ["states:SendTaskFailure", "states:SendTaskHeartbeat", "states:SendTaskSuccess"]
      Resource = "*"
    }],
    # Channels are /orders/{id}; where the API has a key, no role is needed.
    var.appsync_api_arn == null ? [] : [{
      Sid      = "PublishToAppSync"
      Effect   = "Allow"
      Action   = ["appsync:EventPublish"]
      Resource = "${var.appsync_api_arn}/channelNamespace/orders"
    }],
  )

  channels = compact([
    var.push ? "connection" : "",
    var.webhooks ? "webhook" : "",
    var.event_topic_arn == null ? "" : "topic",
    var.step_functions ? "task" : "",
    var.appsync_url == null ? "" : "appsync",
    var.mercure_url == null ? "" : "mercure",
  ])
}

output "channels" {
  description = "The channels of this deployment."
  value       = local.channels

  precondition {
    condition     = var.push || (length(local.channels) == 0 && var.events_from == "writers")
    error_message = "Webhooks, events and the tasks of Step Functions need push, which is false."
  }
  precondition {
    condition     = var.appsync_url == null || var.appsync_api_key_arn != null || var.appsync_api_arn != null
    error_message = "appsync_url needs appsync_api_key_arn, or appsync_api_arn for the notifier's role to be allowed to publish."
  }
  precondition {
    condition     = var.mercure_url == null || var.mercure_jwt_arn != null
    error_message = "mercure_url needs mercure_jwt_arn: a hub lets nobody publish without."
  }
}

variable "webhook_allow" {
  description = "Hosts that webhooks may go to, such as hooks.example.com or *.example.com; empty for any public one."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for h in var.webhook_allow : can(regex("^[^,\\s]+$", h))])
    error_message = "Each of webhook_allow is one host, without commas and spaces."
  }
}

variable "webhook_deny" {
  description = "Hosts and networks that webhooks never go to, such as *.internal.example.com or 203.0.113.0/24."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for h in var.webhook_deny : can(regex("^[^,\\s]+$", h))])
    error_message = "Each of webhook_deny is one host or network, without commas and spaces."
  }
}

variable "event_topic_arn" {
  description = "SNS topic that gets every change of every order; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.event_topic_arn == null || can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$", var.event_topic_arn))
    error_message = "event_topic_arn is the ARN of an SNS topic."
  }
}

variable "step_functions" {
  description = "Whether orders may come from tasks of Step Functions that wait for them (.waitForTaskToken). The notifier may answer any task then of which it has the token."
  type        = bool
  default     = false
}

variable "appsync_url" {
  description = "AppSync Events API that gets every change on the channel /orders/{id}: https://.../event; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.appsync_url == null || can(regex("^https://[^/]+/event$", var.appsync_url))
    error_message = "appsync_url is https://.../event, the HTTP endpoint of an AppSync Events API."
  }
}

variable "appsync_api_arn" {
  description = "ARN of that API, where the notifier's role publishes to it; null where a key does."
  type        = string
  default     = null

  validation {
    condition     = var.appsync_api_arn == null || can(regex("^arn:[a-z-]+:appsync:[a-z0-9-]+:[0-9]{12}:apis/[^/]+$", var.appsync_api_arn))
    error_message = "appsync_api_arn is arn:aws:appsync:{region}:{account}:apis/{id}."
  }
}

variable "appsync_api_key_arn" {
  description = "API key of that API, in SSM or Secrets Manager; null for requests that the notifier's role signs."
  type        = string
  default     = null

  validation {
    condition     = var.appsync_api_key_arn == null || can(regex("^arn:[a-z-]+:(secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:|ssm:[a-z0-9-]+:[0-9]{12}:parameter/)[^,]+$", var.appsync_api_key_arn))
    error_message = "appsync_api_key_arn is the ARN of a secret of Secrets Manager or of a parameter of SSM."
  }
}

variable "mercure_url" {
  description = "Mercure hub that gets every change: https://.../.well-known/mercure; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.mercure_url == null || can(regex("^https://.+", var.mercure_url))
    error_message = "mercure_url is https://.../.well-known/mercure."
  }
}

variable "mercure_jwt_arn" {
  description = "JWT that may publish to that hub, in SSM or Secrets Manager."
  type        = string
  default     = null

  validation {
    condition     = var.mercure_jwt_arn == null || can(regex("^arn:[a-z-]+:(secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:|ssm:[a-z0-9-]+:[0-9]{12}:parameter/)[^,]+$", var.mercure_jwt_arn))
    error_message = "mercure_jwt_arn is the ARN of a secret of Secrets Manager or of a parameter of SSM."
  }
}
