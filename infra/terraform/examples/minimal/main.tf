# The least: everything by default, and simulated work in functions.

terraform {
  required_version = ">= 1.11"
}

provider "aws" {
  region = "eu-west-1"
}

variable "deletion_protection" {
  description = "Whether the order table, and a bucket with objects in it, survive a destroy."
  type        = bool
  default     = true
}

module "offload" {
  source = "../.."

  api_package      = "../../../../target/package/offload-api.zip"
  worker_package   = "../../../../target/package/offload-worker.zip"
  worker_processor = "demo"
  # Made with `offload keys create`.
  auth = "keys"

  deletion_protection = var.deletion_protection
}

output "api_url" {
  description = "Where to submit orders."
  value       = module.offload.api_url
}

output "websocket_url" {
  description = "Where clients open WebSockets."
  value       = module.offload.websocket_url
}

output "environment" {
  description = "For an operator's commands: eval \"$(terraform output -raw environment)\"."
  value       = module.offload.environment
}
