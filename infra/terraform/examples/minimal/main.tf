# The least: everything by default, work by the built-in processors in functions.

terraform {
  required_version = ">= 1.7"
}

provider "aws" {
  region = "eu-west-1"
}

module "offload" {
  source = "../.."

  api_package    = "../../../../target/package/offload-api.zip"
  worker_package = "../../../../target/package/offload-worker.zip"
}

output "api_url" {
  description = "Where to place orders."
  value       = module.offload.api_url
}
