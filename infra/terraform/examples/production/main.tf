# Work that takes up to hours, in containers of one's own; a custom domain; pages of one origin;
# webhooks to one domain; alarms to people.

terraform {
  required_version = ">= 1.11"
}

provider "aws" {
  region = "eu-west-1"
  # On all that is made here.
  default_tags {
    tags = { service = "orders" }
  }
}

variable "image" {
  description = "Image of the worker, with the program that does the work in it."
  type        = string
}

variable "private_subnet_ids" {
  description = "Subnets with a way to AWS's endpoints."
  type        = list(string)
}

variable "worker_security_group_id" {
  description = "Security group of the workers: out to HTTPS, nothing in."
  type        = string
}

variable "certificate_arn" {
  description = "Certificate of ACM for orders.example.com and push.orders.example.com, in the region of the APIs."
  type        = string
}

variable "zone_id" {
  description = "Hosted zone of Route 53 that has both names."
  type        = string
}

variable "alarm_topic_arn" {
  description = "Where alarms go."
  type        = string
}

# Gets every change of every order.
resource "aws_sns_topic" "events" {
  name              = "orders-events"
  kms_master_key_id = "alias/aws/sns"
}

module "offload" {
  source = "../.."

  name           = "orders"
  api_package    = "../../../../target/package/offload-api.zip"
  worker_package = "../../../../target/package/offload-worker.zip"

  # People by the tokens of the shop's identity provider, machines by API keys.
  auth = "keys,jwt"
  jwt = {
    issuer       = "https://login.shop.example.com"
    audience     = "orders"
    jwks_url     = "https://login.shop.example.com/.well-known/jwks.json"
    tenant_claim = "tenant"
  }

  domain           = { name = "orders.example.com", certificate_arn = var.certificate_arn, zone_id = var.zone_id }
  websocket_domain = { name = "push.orders.example.com", certificate_arn = var.certificate_arn, zone_id = var.zone_id }
  cors_origins     = ["https://shop.example.com"]

  worker_runtime         = "fargate"
  worker_max_concurrency = 20
  fargate = {
    image           = var.image
    subnet_ids      = var.private_subnet_ids
    security_groups = [var.worker_security_group_id]
    cpu             = 1024
    memory          = 2048
    # Two are there at night, too; up to worker_max_concurrency as orders wait.
    min_tasks = 2
  }
  worker_processor = "command"
  worker_settings = {
    OFFLOAD_COMMAND             = "/app/render"
    OFFLOAD_CONCURRENCY         = "4"
    OFFLOAD_JOB_TIMEOUT_SECONDS = "14400"
  }

  webhooks        = true
  webhook_allow   = ["*.shop.example.com"]
  event_topic_arn = aws_sns_topic.events.arn
  # The account has a role for API Gateway's logs.
  websocket_access_logs = true

  point_in_time_recovery = true
  alarm_topic_arn        = var.alarm_topic_arn
  budget                 = { monthly_usd = 200, tag = { key = "service", value = "orders" } }
  log_retention_days     = 90
}

output "environment" {
  description = "For an operator's commands: eval \"$(terraform output -raw environment)\"."
  value       = module.offload.environment
}
