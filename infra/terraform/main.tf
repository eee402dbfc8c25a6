# status-offload on AWS. Each module is one concern; what it needs of the others is passed in.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # Lambda's own advice: six times the function's timeout, so that a batch that is retried is not
  # received meanwhile. A container holds a message by renewing it, and takes the worker's own
  # lease.
  visibility_seconds = var.worker_runtime == "lambda" ? 6 * var.worker_timeout_seconds : 30

  # Orders that one function or task works on at once. Lambda gives a function ten at most.
  orders_at_once = min(tonumber(lookup(var.worker_settings, "OFFLOAD_CONCURRENCY", "10")), var.worker_runtime == "lambda" ? 10 : 1000)
  # Functions or tasks: a poller that is kept ready invokes up to ten functions at once.
  workers = var.worker_runtime == "lambda" ? (
    var.worker_provisioned_pollers == null ? max(2, var.worker_max_concurrency) : 10 * var.worker_provisioned_pollers.maximum
  ) : var.worker_max_concurrency

  expected_orders = local.workers * local.orders_at_once

  # A target has 15 s to answer, and a fifth of the time is kept for settling.
  notifier_timeout_seconds = 30
}

# --- The stores -----------------------------------------------------------------------------------

module "status_store" {
  source = "./modules/status_store"

  name                      = var.name
  key_arn                   = local.key_arn
  account_id                = data.aws_caller_identity.current.account_id
  access                    = var.access
  cors_origins              = var.cors_origins
  allowed_cidrs             = var.allowed_cidrs
  max_signature_age_seconds = var.max_signature_age_seconds
  status_standard_days      = var.status_standard_days
  status_transitions        = var.status_transitions
  status_expire_days        = var.status_expire_days
  result_transitions        = var.result_transitions
  result_expire_days        = var.result_expire_days
  work_log_expire_days      = var.work_log_expire_days
  force_destroy             = !var.deletion_protection
}

module "order_table" {
  source = "./modules/order_table"

  name                   = var.name
  key_arn                = local.key_arn
  point_in_time_recovery = var.point_in_time_recovery
  deletion_protection    = var.deletion_protection
  stream                 = var.push && var.events_from == "stream"
}

module "queue" {
  source = "./modules/queue"

  name               = "${var.name}-orders"
  key_arn            = local.key_arn
  visibility_seconds = local.visibility_seconds
  beside             = var.priorities ? ["high", "low", "quiet"] : []
}

# --- Who signs URLs -------------------------------------------------------------------------------

# A presigned URL can do what its signer can, and dies with its credentials. A function does not
# know when its own end, so it assumes this role, which may read status objects and results and
# nothing else.
resource "aws_iam_role" "signer" {
  name        = "${var.name}-signer"
  description = "Signs the URLs of status objects and results of ${var.name}."
  # Through chaining a session lasts an hour at most; to allow more would promise what STS refuses.
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByApiAndWorker"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = concat([module.api.role_arn], module.worker.signing_role_arns) }
    }]
  })
}

resource "aws_iam_role_policy" "signer" {
  name = "read"
  role = aws_iam_role.signer.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ReadStatusResultsAndLogs"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = ["${module.status_store.bucket_arn}/status/*", "${module.status_store.bucket_arn}/results/*", "${module.status_store.bucket_arn}/logs/*"]
    }]
  })
}

# Whatever the role's session is used for, URLs or credentials of access = sts, and wherever the
# bucket's own policy cannot see that it is a client.
resource "aws_iam_role_policy" "networks" {
  count = length(var.allowed_cidrs) > 0 ? 1 : 0
  name  = "networks"
  role  = aws_iam_role.signer.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "FromAllowedNetworksOnly"
      Effect   = "Deny"
      Action   = "s3:GetObject"
      Resource = "*"
      # Through a VPC endpoint a request has the one, from elsewhere the other. A key that a request
      # does not have matches no network.
      Condition = {
        NotIpAddress = { "aws:SourceIp" = var.allowed_cidrs, "aws:VpcSourceIp" = var.allowed_cidrs }
      }
    }]
  })
}

# --- The programs ---------------------------------------------------------------------------------

module "api" {
  source = "./modules/api"

  name                 = var.name
  package              = var.api_package
  package_s3           = var.api_package_s3
  image_uri            = var.api_image_uri
  vpc                  = var.vpc
  reserved_concurrency = var.api_reserved_concurrency
  key_arn              = local.key_arn
  architecture         = var.architecture
  public_url           = var.public_url
  domain               = var.domain
  authorizer           = local.authorizer
  access               = var.access
  auth                 = var.auth
  share_work_logs      = var.share_work_logs
  jwt                  = var.jwt
  cors_origins         = var.cors_origins
  bucket               = module.status_store.bucket
  bucket_arn           = module.status_store.bucket_arn
  table                = module.order_table.name
  table_arn            = module.order_table.arn
  queue_url            = module.queue.url
  queue_arn            = module.queue.arn
  priority_queues      = module.queue.beside
  token_secret_arns    = local.token_secret_arns
  canary               = var.canary != null
  signer_role_arn      = local.signer_role_arn
  retention_days       = var.retention_days
  log_retention_days   = var.log_retention_days
  expected_orders      = local.expected_orders
  push                 = local.push
  channel_settings     = local.api_channel_settings
  # Api and worker need the same.
  default_deadline_seconds = lookup(var.worker_settings, "OFFLOAD_DEFAULT_DEADLINE_SECONDS", "604800")
}

module "worker" {
  source = "./modules/worker"

  name                     = var.name
  package                  = var.worker_package
  package_s3               = var.worker_package_s3
  image_uri                = var.worker_image_uri
  vpc                      = var.vpc
  own_statements           = var.worker_statements
  secrets                  = var.worker_secrets
  canary                   = var.canary != null
  key_arn                  = local.key_arn
  architecture             = var.architecture
  runtime                  = var.worker_runtime
  timeout_seconds          = var.worker_timeout_seconds
  max_concurrency          = var.worker_max_concurrency
  orders_at_once           = local.orders_at_once
  provisioned_pollers      = var.worker_provisioned_pollers
  processor                = var.worker_processor
  settings                 = var.worker_settings
  fargate                  = var.fargate
  bucket                   = module.status_store.bucket
  bucket_arn               = module.status_store.bucket_arn
  table                    = module.order_table.name
  table_arn                = module.order_table.arn
  queue_url                = module.queue.url
  queue_name               = module.queue.name
  queue_arn                = module.queue.arn
  priority_queues          = module.queue.beside
  dead_letter_queue_url    = module.queue.dead_letter_url
  dead_letter_queue_arn    = module.queue.dead_letter_arn
  signer_role_arn          = local.signer_role_arn
  retention_days           = var.retention_days
  log_retention_days       = var.log_retention_days
  notifier_timeout_seconds = local.notifier_timeout_seconds
  push                     = local.push
  notifier_settings        = local.notifier_channel_settings
  notifier_statements      = local.notifier_channel_statements
}

# --- Push to clients ------------------------------------------------------------------------------

# It needs the functions of the api and the worker, and these need its queues and URLs: each
# resource of them only others that come before it.
module "push" {
  source = "./modules/push"
  count  = var.push ? 1 : 0

  name                     = var.name
  key_arn                  = local.key_arn
  api_function_arn         = module.api.function_arn
  api_alias                = module.api.live.alias
  api_invoke_arn           = module.api.invoke_arn
  notifier_arn             = module.worker.notifier_arn
  notifier_timeout_seconds = local.notifier_timeout_seconds
  notifier_max_concurrency = var.notifier_max_concurrency
  events_from              = var.events_from
  table_stream_arn         = module.order_table.stream_arn
  access_logs              = var.websocket_access_logs
  domain                   = var.websocket_domain
  log_retention_days       = var.log_retention_days
}

locals {
  # What the programs and their roles know of push. Secrets go their own way.
  push = !var.push ? null : {
    notifications_queue_url             = module.push[0].queue_url
    notifications_queue_arn             = module.push[0].queue_arn
    webhooks_queue_url                  = module.push[0].webhooks_queue_url
    webhooks_queue_arn                  = module.push[0].webhooks_queue_arn
    webhook_retries_queue_url           = module.push[0].webhook_retries_queue_url
    webhook_retries_queue_arn           = module.push[0].webhook_retries_queue_arn
    notifications_dead_letter_queue_url = module.push[0].dead_letter_url
    notifications_dead_letter_queue_arn = module.push[0].dead_letter_arn
    connections_arn                     = module.push[0].connections_arn
    websocket_url                       = coalesce(var.websocket_public_url, module.push[0].endpoint)
    management_url                      = module.push[0].management_url
    events_from                         = var.events_from
    table_stream_arn                    = module.order_table.stream_arn
    stream_failures_arn                 = module.push[0].stream_failures_arn
    channel_settings                    = local.channel_settings
  }
}

locals {
  # By its name, not by the resource: the role trusts the functions' roles, and they may assume it.
  signer_role_arn = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${var.name}-signer"
}

# --- Observability --------------------------------------------------------------------------------

module "observability" {
  source = "./modules/observability"

  name                   = var.name
  region                 = data.aws_region.current.id
  alarm_topic_arn        = var.alarm_topic_arn
  budget                 = var.budget
  queue_name             = module.queue.name
  dead_letter_queue_name = module.queue.dead_letter_name
  api_id                 = module.api.api_id
  functions              = concat([module.api.function_name], module.worker.function_names)
  table_name             = module.order_table.name
  table_index            = module.order_table.index
  priority_queue_names   = { for priority, queue in module.queue.beside : priority => queue.name }
  log_groups             = module.worker.log_groups
  sweeper_function       = module.worker.sweeper_function
  container              = module.worker.container
  alarm_waiting_seconds  = var.alarm_waiting_seconds
  push = !var.push ? null : {
    api_id                     = module.push[0].api_id
    queue_name                 = module.push[0].queue_name
    dead_letter_queue_names    = module.push[0].dead_letter_names
    stream                     = var.events_from == "stream"
    stream_failures_queue_name = module.push[0].stream_failures_name
  }
}
