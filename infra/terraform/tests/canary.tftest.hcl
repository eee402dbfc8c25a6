# Which version of a function is called, and who changes that.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  api_package      = "README.md"
  worker_package   = "README.md"
  worker_processor = "demo"
  auth             = "none"
}

run "an_apply_changes_all_at_once" {
  command = plan
  assert {
    condition     = toset(concat([module.api.live.alias], [for f in module.worker.live : f.alias])) == toset(["live"])
    error_message = "each function is called by its alias"
  }
  assert {
    condition     = length(aws_codedeploy_app.this) + length(aws_codedeploy_deployment_group.this) + length(aws_iam_role.shifter) == 0 && output.canary == {}
    error_message = "and CodeDeploy shifts none"
  }
}

run "codedeploy_shifts_api_and_worker" {
  command = plan
  variables {
    canary = {}
  }
  assert {
    condition     = module.api.live.alias == "shifted" && { for part, f in module.worker.live : part => f.alias } == { worker = "shifted", dead_letters = "live", sweeper = "live", notifier = "live" }
    error_message = "these two, and no others"
  }
  assert {
    condition     = { for part, g in aws_codedeploy_deployment_group.this : part => g.deployment_config_name } == { for part in ["api", "worker"] : part => "CodeDeployDefault.LambdaCanary10Percent10Minutes" }
    error_message = "longer than the alarms need, which count three minutes"
  }
  assert {
    condition = alltrue([
      for g in aws_codedeploy_deployment_group.this : g.auto_rollback_configuration[0].enabled && contains(g.auto_rollback_configuration[0].events, "DEPLOYMENT_STOP_ON_ALARM") && g.alarm_configuration[0].enabled
    ])
    error_message = "an alarm takes the version back"
  }
  assert {
    condition     = alltrue([for g in aws_codedeploy_deployment_group.this : length(setsubtract(g.alarm_configuration[0].alarms, output.alarm_names)) == 0 && length(g.alarm_configuration[0].alarms) >= 2])
    error_message = "by alarms that there are"
  }
}

run "a_container_is_deployed_by_ecs" {
  command = plan
  variables {
    canary         = { configuration = "CodeDeployDefault.LambdaLinear10PercentEvery3Minutes" }
    worker_runtime = "fargate"
    fargate        = { image = "i", subnet_ids = ["s"], security_groups = ["g"] }
  }
  assert {
    condition     = keys(aws_codedeploy_deployment_group.this) == ["api"] && aws_codedeploy_deployment_group.this["api"].deployment_config_name == "CodeDeployDefault.LambdaLinear10PercentEvery3Minutes"
    error_message = "the api alone"
  }
}
