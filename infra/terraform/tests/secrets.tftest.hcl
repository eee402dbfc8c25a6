# Secrets: made here or one's own, and in no state.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  api_package      = "README.md"
  worker_package   = "README.md"
  worker_processor = "demo"
  auth             = "none"
}

run "a_newcomer_makes_up_no_secret" {
  command = plan
  assert {
    condition     = toset(keys(module.token_secret[0].parameters)) == toset(["/offload/token-secret/1", "/offload/token-secret/2"]) && length(module.webhook_secret) == 0
    error_message = "the current version and the next one"
  }
  assert {
    condition     = alltrue([for p in values(module.token_secret[0].parameters) : p.type == "SecureString" && p.value_wo_version == 1])
    error_message = "encrypted, and written once"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.secrets["api"].policy).Statement == [{ Sid = "ReadSsm", Effect = "Allow", Action = "ssm:GetParameters", Resource = ["arn:aws:ssm:eu-west-1:123456789012:parameter/offload/token-secret/*"] }]
    error_message = "the api reads its own secret, in each version, and nothing else"
  }
  assert {
    condition     = keys(local.readable) == ["api"]
    error_message = "without a channel that has one, the notifier reads no secret"
  }
}

run "a_new_version_leaves_the_one_before_in_force" {
  command = plan
  variables {
    token_secret_version = 3
    webhooks             = true
  }
  assert {
    condition     = toset(keys(module.token_secret[0].parameters)) == toset([for v in [1, 2, 3, 4] : "/offload/token-secret/${v}"])
    error_message = "the current, the next and the previous one, and one more for a rollback"
  }
  assert {
    condition     = module.token_secret[0].versions == ["3", "4", "2"] && module.webhook_secret[0].versions == ["1", "2"]
    error_message = "the current one signs"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.secrets["notifier"].policy).Statement[0].Resource == ["arn:aws:ssm:eu-west-1:123456789012:parameter/offload/webhook-secret/*"]
    error_message = "the notifier reads the secret of webhooks alone"
  }
}

run "secrets_of_ones_own" {
  command = plan
  variables {
    token_secret_arns   = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:tokens-AbCdEf:new::", "arn:aws:ssm:eu-west-1:123456789012:parameter/tokens:3"]
    webhooks            = true
    webhook_secret_arns = ["arn:aws:ssm:eu-west-1:123456789012:parameter/hooks"]
    mercure_url         = "https://hub.example.com/.well-known/mercure"
    mercure_jwt_arn     = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mercure-AbCdEf"
    secret_key_arns     = ["arn:aws:kms:eu-west-1:123456789012:key/k"]
  }
  assert {
    condition     = length(module.token_secret) + length(module.webhook_secret) == 0
    error_message = "none is made"
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.secrets["api"].policy).Statement == [
      { Sid = "ReadSecretsmanager", Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:tokens-AbCdEf"] },
      { Sid = "ReadSsm", Effect = "Allow", Action = "ssm:GetParameters", Resource = ["arn:aws:ssm:eu-west-1:123456789012:parameter/tokens"] },
      { Sid = "Decrypt", Effect = "Allow", Action = "kms:Decrypt", Resource = ["arn:aws:kms:eu-west-1:123456789012:key/k"] },
    ]
    error_message = "the secret and the parameter, whatever of them is meant, and the key"
  }
  assert {
    condition     = local.notifier_channel_settings.OFFLOAD_MERCURE_JWT_ARN == var.mercure_jwt_arn && local.notifier_channel_settings.OFFLOAD_WEBHOOK_SECRET_ARN == "arn:aws:ssm:eu-west-1:123456789012:parameter/hooks"
    error_message = "by their ARNs"
  }
}

run "the_secrets_of_a_container_are_for_its_start" {
  command = plan
  variables {
    worker_runtime = "fargate"
    fargate        = { image = "i", subnet_ids = ["s"], security_groups = ["g"] }
    worker_secrets = {
      API_KEY  = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf:api::"
      PASSWORD = "arn:aws:ssm:eu-west-1:123456789012:parameter/render/password"
    }
  }
  assert {
    condition     = keys(local.readable) == ["api", "execution"]
    error_message = "ECS reads them as it starts a task, not the program"
  }
  assert {
    condition     = toset(flatten([for s in jsondecode(aws_iam_role_policy.secrets["execution"].policy).Statement : s.Resource])) == toset(["arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf", "arn:aws:ssm:eu-west-1:123456789012:parameter/render/password"])
    error_message = "these and no others"
  }
}

run "a_key_of_ones_own_encrypts_what_is_made" {
  command = plan
  variables {
    customer_key = { arn = "arn:aws:kms:eu-west-1:123456789012:key/k" }
  }
  assert {
    condition     = alltrue([for p in values(module.token_secret[0].parameters) : p.key_id == var.customer_key.arn])
    error_message = "as all else"
  }
}

run "a_version_is_a_whole_number" {
  command = plan
  variables {
    token_secret_version   = 0
    webhook_secret_version = 1.5
  }
  expect_failures = [var.token_secret_version, var.webhook_secret_version]
}

run "a_secret_is_named_not_given" {
  command = plan
  variables {
    token_secret_arns   = ["0123456789abcdef0123456789abcdef"]
    webhook_secret_arns = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    appsync_api_key_arn = "da2-abc"
    mercure_jwt_arn     = "arn:aws:s3:::mercure"
  }
  expect_failures = [var.token_secret_arns, var.webhook_secret_arns, var.appsync_api_key_arn, var.mercure_jwt_arn]
}
