variable "name" {
  description = "Prefix of every resource's name: one deployment of an account, in whatever region, one name. Roles are the account's, not the region's, and the name of a bucket is taken in all regions."
  type        = string
  default     = "offload"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name has 2 to 31 lower-case letters, digits and hyphens, a letter first: it becomes part of a bucket's name."
  }
}

variable "api_package" {
  description = "Path of offload-api.zip, as `just package` makes it; null where it comes from S3."
  type        = string
  default     = null
}

variable "worker_package" {
  description = "Path of offload-worker.zip, as `just package` makes it; null where it comes from S3."
  type        = string
  default     = null
}

variable "architecture" {
  description = "Processor of the functions, for which the packages were built: arm64 costs a fifth less."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "public_url" {
  description = "URL of the API as clients reach it, where something else than domain leads to it, such as a CDN."
  type        = string
  default     = null
}

variable "cors_origins" {
  description = "Origins whose pages may place orders and read status objects."
  type        = list(string)
  default     = ["*"]
}

variable "allowed_cidrs" {
  description = "Networks from which status objects and results may be read, by URLs or by credentials of access = sts; empty for everywhere. Networks within a VPC count where S3 is reached by an endpoint."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.allowed_cidrs : can(cidrhost(c, 0))])
    error_message = "Each of allowed_cidrs is a network, such as 203.0.113.0/24."
  }
}

variable "access" {
  description = "How clients read status objects: url (a presigned URL), or sts (temporary credentials for the one object, for clients with an SDK of S3)."
  type        = string
  default     = "url"

  validation {
    condition     = contains(["url", "sts"], var.access)
    error_message = "access is url or sts."
  }
}

variable "auth" {
  description = "How the API knows its callers: none (everybody may submit orders), or some of keys (API keys), jwt (JSON Web Tokens) and gateway (API Gateway checks the tokens), separated by commas."
  type        = string

  validation {
    condition     = var.auth == "none" || alltrue([for method in split(",", replace(var.auth, " ", "")) : contains(["keys", "jwt", "gateway"], method)])
    error_message = "auth is none, or a list of keys, jwt and gateway."
  }
}

variable "jwt" {
  description = "With jwt or gateway in auth: the issuer of the tokens and their audience (not with a lambda authorizer), the URL of the issuer's keys (not with gateway), and the claims that name the caller's tenant and roles."
  type = object({
    issuer       = optional(string)
    audience     = optional(string)
    jwks_url     = optional(string)
    tenant_claim = optional(string)
    roles_claim  = optional(string, "roles")
  })
  default = null
}

variable "priorities" {
  description = "Whether orders may be urgent or able to wait: a queue for each priority beside that of normal orders, and one for tenants that use less than their share. Without it such orders are refused. Each queue is polled while it is empty: about 650,000 calls a month for a function's pollers."
  type        = bool
  default     = false
}

variable "max_signature_age_seconds" {
  description = "The oldest that a presigned URL may be when it is used, whatever its own expiry says; null for no such limit. Not with access = sts, where each request has a signature of its own."
  type        = number
  default     = null
}

variable "worker_runtime" {
  description = "Where the work is done: lambda, or fargate for work that takes longer than 15 minutes or has its own image."
  type        = string
  default     = "lambda"

  validation {
    condition     = contains(["lambda", "fargate"], var.worker_runtime)
    error_message = "worker_runtime is lambda or fargate."
  }
}

variable "worker_timeout_seconds" {
  description = "With lambda: the longest that an invocation may take. The queue's visibility is computed from it."
  type        = number
  default     = 60

  validation {
    condition     = var.worker_timeout_seconds >= 5 && var.worker_timeout_seconds <= 900
    error_message = "worker_timeout_seconds is from 5 to 900: Lambda runs nothing longer; longer work needs fargate."
  }
}

variable "worker_max_concurrency" {
  description = "With lambda: invocations at once by each queue of orders, 2 to 1000; each works on up to ten orders. With fargate: the most tasks; as many run as there is work for."
  type        = number
  default     = 10

  validation {
    condition     = var.worker_max_concurrency >= 1 && var.worker_max_concurrency <= 1000
    error_message = "worker_max_concurrency is from 1 to 1000."
  }
}

variable "worker_provisioned_pollers" {
  description = "With lambda: the least and the most event pollers of each queue of orders that are kept ready, for bursts, in place of worker_max_concurrency; null for Lambda's own scaling."
  type        = object({ minimum = number, maximum = number })
  default     = null

  # https://docs.aws.amazon.com/lambda/latest/api/API_ProvisionedPollerConfig.html
  validation {
    condition = var.worker_provisioned_pollers == null || try(
      var.worker_provisioned_pollers.minimum >= 2 && var.worker_provisioned_pollers.minimum <= 200 &&
    var.worker_provisioned_pollers.maximum >= var.worker_provisioned_pollers.minimum && var.worker_provisioned_pollers.maximum <= 2000, false)
    error_message = "worker_provisioned_pollers has a minimum from 2 to 200, and a maximum from that to 2000, which is what Lambda takes for SQS."
  }
}

variable "worker_processor" {
  description = "What does the work: command (a program), http (a URL), or demo (simulated work). The settings of command and http go into worker_settings."
  type        = string
}

variable "worker_settings" {
  description = "More settings of the worker: OFFLOAD_ variables, such as OFFLOAD_COMMAND."
  type        = map(string)
  default     = {}

  # Terraform computes with them.
  validation {
    condition     = alltrue([for name in ["OFFLOAD_CONCURRENCY", "OFFLOAD_SHUTDOWN_GRACE_SECONDS"] : can(tonumber(lookup(var.worker_settings, name, "1")))])
    error_message = "OFFLOAD_CONCURRENCY and OFFLOAD_SHUTDOWN_GRACE_SECONDS in worker_settings are numbers."
  }
}

variable "fargate" {
  description = "With fargate: the image, the network, the size of a task, the least number of tasks, and how many orders, waiting or worked on, are right for one task: by default as many as it works on at once (OFFLOAD_CONCURRENCY)."
  type = object({
    image           = string
    subnet_ids      = list(string)
    security_groups = list(string)
    cpu             = optional(number, 256)
    memory          = optional(number, 512)
    min_tasks       = optional(number, 1)
    orders_per_task = optional(number)
  })
  default = null
}

variable "push" {
  description = "Whether there is push: a WebSocket API, webhooks, events. Without subscribers it costs the receives of its queue, some cents a month."
  type        = bool
  default     = true
}

variable "events_from" {
  description = "Where events come from: writers (each program that publishes a status), or stream (the order table's DynamoDB stream, read by the notifier)."
  type        = string
  default     = "writers"

  validation {
    condition     = contains(["writers", "stream"], var.events_from)
    error_message = "events_from is writers or stream."
  }
}

variable "notifier_max_concurrency" {
  description = "Invocations of the notifier at once, 2 to 1000. Each delivers ten notifications side by side."
  type        = number
  default     = 50

  validation {
    condition     = var.notifier_max_concurrency >= 2 && var.notifier_max_concurrency <= 1000
    error_message = "notifier_max_concurrency is from 2 to 1000, which is what Lambda takes."
  }
}

variable "websocket_access_logs" {
  description = "Whether the WebSocket API has access logs. The account and region need a role for API Gateway's logs then (aws_api_gateway_account): without one, API Gateway refuses the stage."
  type        = bool
  default     = false
}

variable "status_standard_days" {
  description = "Days that status objects stay in S3 Standard before status_transitions apply."
  type        = number
  default     = 10
}

variable "status_transitions" {
  description = "Cheaper tiers for status objects, as days since creation and storage class. Empty by default: at 1 to 10 KB every tier costs more than Standard (see the README)."
  type        = list(object({ days = number, storage_class = string }))
  default     = []
}

variable "status_expire_days" {
  description = "Days until a status object is deleted."
  type        = number
  default     = 30

  validation {
    condition     = var.status_expire_days >= 1 && floor(var.status_expire_days) == var.status_expire_days
    error_message = "status_expire_days is a whole number of days, at least 1."
  }
}

variable "result_transitions" {
  description = "Cheaper tiers for results, which are large enough to gain from them."
  type        = list(object({ days = number, storage_class = string }))
  default     = [{ days = 30, storage_class = "STANDARD_IA" }]
}

variable "result_expire_days" {
  description = "Days until a result is deleted."
  type        = number
  default     = 90

  validation {
    condition     = var.result_expire_days >= 1 && floor(var.result_expire_days) == var.result_expire_days
    error_message = "result_expire_days is a whole number of days, at least 1."
  }
}

variable "early_infrequent_access" {
  description = "Whether Infrequent Access may begin before an object is 30 days old, and end before it was 30 days there. S3's documentation is at odds over whether it takes that: set it only if yours does."
  type        = bool
  default     = false
}

variable "work_log_expire_days" {
  description = "Days until the log of an attempt's work is deleted."
  type        = number
  default     = 30

  validation {
    condition     = var.work_log_expire_days >= 1 && floor(var.work_log_expire_days) == var.work_log_expire_days
    error_message = "work_log_expire_days is a whole number of days, at least 1."
  }
}

variable "share_work_logs" {
  description = "Whether clients get the log of an order's work by GET /order/{id}, as log_url."
  type        = bool
  default     = false
}

variable "retention_days" {
  description = "Days that the order table remembers an order after the latest time at which it may end."
  type        = number
  default     = 30
}

variable "point_in_time_recovery" {
  description = "Whether the order table can be restored to any second of the last 35 days, at a fifth of its storage's price."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Whether the order table, and a bucket with objects in it, survive a destroy."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "alarm_topic_arn" {
  description = "SNS topic that alarms go to; null for alarms that notify nobody."
  type        = string
  default     = null
}

variable "budget" {
  description = "What a month may cost in US dollars, of all that has a tag (which must be activated as a cost allocation tag) or, without one, of the whole account. alarm_topic_arn is notified at 80 percent, and when the forecast exceeds it; the topic's policy must let budgets.amazonaws.com publish. null for no budget."
  type = object({
    monthly_usd = number
    tag         = optional(object({ key = string, value = string }))
  })
  default = null

  validation {
    condition     = var.budget == null || try(var.budget.monthly_usd > 0, false)
    error_message = "budget.monthly_usd is above 0."
  }
}

variable "alarm_waiting_seconds" {
  description = "The mean wait of orders for their first attempt that raises an alarm, by priority; null for none. How long the work itself takes does not count."
  type = object({
    high   = optional(number, 60)
    normal = optional(number, 900)
    low    = optional(number)
  })
  default = {}
}
