# From where objects are read, and for how long they are kept where.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  api_package      = "README.md"
  worker_package   = "README.md"
  worker_processor = "demo"
  auth             = "none"
}

run "credentials_are_good_in_the_allowed_networks_alone" {
  command = plan
  variables {
    access        = "sts"
    allowed_cidrs = ["192.0.2.0/24"]
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.networks[0].policy).Statement == [{
      Sid       = "FromAllowedNetworksOnly", Effect = "Deny", Action = "s3:GetObject", Resource = "*"
      Condition = { NotIpAddress = { "aws:SourceIp" = ["192.0.2.0/24"], "aws:VpcSourceIp" = ["192.0.2.0/24"] } }
    }]
    error_message = "the role whose session clients get is denied elsewhere"
  }
}

run "no_networks_no_policy" {
  command = plan
  assert {
    condition     = length(aws_iam_role_policy.networks) == 0
    error_message = "everywhere by default"
  }
}

run "an_age_of_signatures_means_nothing_for_credentials" {
  command = plan
  variables {
    access                    = "sts"
    max_signature_age_seconds = 600
  }
  expect_failures = [output.bucket]
}

run "a_network_is_a_network" {
  command = plan
  variables {
    allowed_cidrs = ["192.0.2.1"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "browsers_may_send_what_an_sdk_signs" {
  command = plan
  module {
    source = "./modules/status_store"
  }
  variables {
    name                      = "offload"
    key_arn                   = null
    account_id                = "123456789012"
    access                    = "sts"
    cors_origins              = ["https://shop.example.com"]
    allowed_cidrs             = []
    max_signature_age_seconds = null
    status_standard_days      = 10
    status_transitions        = []
    status_expire_days        = 30
    result_transitions        = []
    result_expire_days        = 90
    work_log_expire_days      = 30
    force_destroy             = false
  }
  assert {
    condition     = length(setsubtract(["authorization", "x-amz-*", "amz-sdk-*", "if-none-match"], one(aws_s3_bucket_cors_configuration.this.cors_rule[*].allowed_headers))) == 0
    error_message = "a signed request has headers that a preflight asks for"
  }
}

run "objects_are_deleted_after_their_last_move" {
  command = plan
  variables {
    result_expire_days = 7
  }
  expect_failures = [output.bucket]
}

run "infrequent_access_takes_thirty_days" {
  command = plan
  variables {
    result_transitions = [{ days = 5, storage_class = "STANDARD_IA" }]
  }
  expect_failures = [output.bucket]
}

run "or_is_taken_knowingly" {
  command = plan
  variables {
    early_infrequent_access = true
    result_transitions      = [{ days = 5, storage_class = "STANDARD_IA" }, { days = 6, storage_class = "GLACIER" }]
  }
  assert {
    condition     = length(local.lifecycle_faults) == 0
    error_message = "by the switch"
  }
}

run "a_class_comes_thirty_days_after_infrequent_access" {
  command = plan
  variables {
    result_transitions = [{ days = 30, storage_class = "STANDARD_IA" }, { days = 45, storage_class = "GLACIER" }]
  }
  expect_failures = [output.bucket]
}

run "classes_come_in_their_order" {
  command = plan
  variables {
    result_transitions = [{ days = 10, storage_class = "GLACIER" }, { days = 50, storage_class = "GLACIER_IR" }]
  }
  expect_failures = [output.bucket]
}

run "days_of_the_rule_count" {
  command = plan
  variables {
    status_standard_days = 60
    status_expire_days   = 400
    status_transitions   = [{ days = 30, storage_class = "GLACIER_IR" }, { days = 40, storage_class = "GLACIER" }]
  }
  expect_failures = [output.bucket]
}

run "nothing_is_kept_for_half_a_day" {
  command = plan
  variables {
    status_expire_days = 0.5
  }
  expect_failures = [var.status_expire_days]
}
