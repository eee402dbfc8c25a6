# What calls a function: an alias, so that a version is changed, shared and taken back without a
# change of those who call. Either Terraform points it at each new version at once, or CodeDeploy
# shifts it, and then Terraform leaves alone where it points.

resource "aws_lambda_alias" "live" {
  count            = var.shifted ? 0 : 1
  name             = "live"
  description      = "The version that is called."
  function_name    = var.function_name
  function_version = var.function_version
}

# By another name, so that one is there before the other goes.
resource "aws_lambda_alias" "shifted" {
  count            = var.shifted ? 1 : 0
  name             = "shifted"
  description      = "The version that is called, as CodeDeploy shifts it."
  function_name    = var.function_name
  function_version = var.function_version

  lifecycle {
    ignore_changes = [function_version, routing_config]
  }
}

locals {
  alias = one(concat(aws_lambda_alias.live, aws_lambda_alias.shifted))
}
