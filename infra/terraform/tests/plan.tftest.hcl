# Plans without an account: what AWS would answer is made up by Terraform.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }
}

variables {
  # Any file serves: only its hash is taken.
  api_package    = "README.md"
  worker_package = "README.md"
  token_secret   = "0123456789abcdef0123456789abcdef"
}

run "functions_by_default" {
  command = plan

  assert {
    condition     = length(module.worker.function_names) == 3
    error_message = "worker, dead-letters and sweeper are functions"
  }
}

run "visibility_follows_the_timeout" {
  command = plan
  variables {
    worker_timeout_seconds = 900
  }
  assert {
    condition     = module.queue.visibility_seconds == 5400
    error_message = "six times the function's timeout"
  }
}

run "containers_instead" {
  command = plan
  variables {
    worker_runtime = "fargate"
    fargate = {
      image           = "example.com/worker:1"
      subnet_ids      = ["subnet-1"]
      security_groups = ["sg-1"]
    }
  }
  assert {
    condition     = length(module.worker.function_names) == 0
    error_message = "no functions beside the containers"
  }
  assert {
    condition     = module.queue.visibility_seconds == 30
    error_message = "a container renews its messages"
  }
}

run "tiers_and_networks" {
  command = plan
  variables {
    status_transitions        = [{ days = 5, storage_class = "STANDARD_IA" }, { days = 60, storage_class = "GLACIER_IR" }]
    status_expire_days        = 400
    allowed_cidrs             = ["192.0.2.0/24"]
    max_signature_age_seconds = 600
    worker_provisioned_pollers = {
      minimum = 2
      maximum = 20
    }
  }
  assert {
    condition     = module.status_store.status_transition_days == [10, 60]
    error_message = "no status object leaves Standard before status_standard_days"
  }
}

run "a_short_secret_is_refused" {
  command = plan
  variables {
    token_secret = "short"
  }
  expect_failures = [var.token_secret]
}

run "a_function_cannot_run_for_an_hour" {
  command = plan
  variables {
    worker_timeout_seconds = 3600
  }
  expect_failures = [var.worker_timeout_seconds]
}
