# What rings, and by what.

mock_provider "aws" {
  source = "./tests/account"
}

variables {
  api_package      = "README.md"
  worker_package   = "README.md"
  worker_processor = "demo"
  auth             = "none"
}

run "by_default" {
  command = plan
  assert {
    condition = toset(module.observability.alarm_names) == toset(concat(
      [for a in ["dead-letters", "dead-lettered", "stalled", "waiting", "hung", "stuck", "sweeper", "table-throttled", "api-5xx"] : "offload-${a}"],
      [for a in ["notifications-dead-letters", "webhooks-dead-letters", "webhook-retries-dead-letters", "notifications-waiting", "websocket-errors"] : "offload-${a}"],
      [for pair in setproduct(["api", "worker", "dead-letters", "sweeper", "notifier"], ["errors", "throttles"]) : "offload-${pair[0]}-${pair[1]}"],
    ))
    error_message = "each alarm: ${join(", ", module.observability.alarm_names)}"
  }
}

run "containers_priorities_and_the_stream" {
  command = plan
  variables {
    priorities     = true
    events_from    = "stream"
    worker_runtime = "fargate"
    fargate = {
      image           = "example.com/worker:1"
      subnet_ids      = ["subnet-1"]
      security_groups = ["sg-1"]
    }
  }
  assert {
    condition     = length(setsubtract([for a in ["tasks", "sweeper", "high-waiting", "stream-failures"] : "offload-${a}"], module.observability.alarm_names)) == 0
    error_message = "of containers, of priorities, of the stream: ${join(", ", module.observability.alarm_names)}"
  }
}

run "each_rings_by_what_the_operator_must_act_on" {
  command = plan
  module {
    source = "./modules/observability"
  }
  variables {
    name                   = "offload"
    region                 = "eu-west-1"
    alarm_topic_arn        = "arn:aws:sns:eu-west-1:123456789012:alarms"
    queue_name             = "q"
    dead_letter_queue_name = "q-dead"
    api_id                 = "a"
    functions              = ["offload-api"]
    table_name             = "t"
    table_index            = "due"
    priority_queue_names   = { high = "q-high" }
    log_groups             = { container = "/aws/ecs/offload-worker" }
    sweeper_function       = null
    container              = { cluster = "c", service = "s" }
    alarm_waiting_seconds  = { high = 60, normal = 1200, low = 9 }
    push                   = null
  }
  assert {
    condition     = [for q in aws_cloudwatch_metric_alarm.this["dead-letters"].metric_query : one(q.metric[*].metric_name) if q.id == "received"] == ["NumberOfMessagesReceived"]
    error_message = "the project's own consumer empties the queue, so what is visible rings never"
  }
  assert {
    condition     = one([for q in aws_cloudwatch_metric_alarm.this["stalled"].metric_query : q.expression if q.id == "alarm"]) == "IF((waiting_high + waiting_normal) > 0 AND (in_flight_high + in_flight_normal) == 0, 1, 0)"
    error_message = "orders that are worked on for long do not ring"
  }
  assert {
    condition = !anytrue(flatten([for name in ["waiting", "high-waiting", "stalled"] : [
    for q in aws_cloudwatch_metric_alarm.this[name].metric_query : [for m in q.metric : m.metric_name == "ApproximateAgeOfOldestMessage"]]]))
    error_message = "the age of the oldest message counts what is worked on"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["waiting"].threshold == 1200 && aws_cloudwatch_metric_alarm.this["high-waiting"].threshold == 60 && !contains(keys(aws_cloudwatch_metric_alarm.this), "low-waiting")
    error_message = "one for each priority that has a queue"
  }
  assert {
    condition = alltrue([for name, a in aws_cloudwatch_metric_alarm.this : toset([for q in a.metric_query : q.id if q.id != "alarm"]) == toset(regexall("[a-z_]+", replace(
    one([for q in a.metric_query : q.expression if q.id == "alarm"]), "/IF|AND|SUM|FILL/", ""))) || strcontains(one([for q in a.metric_query : q.expression if q.id == "alarm"]), "METRICS()")])
    error_message = "an expression is of the metrics of its alarm"
  }
  assert {
    condition     = toset([for f in aws_cloudwatch_log_metric_filter.counted : f.metric_transformation[0].name]) == toset(["dead-lettered", "hung", "stuck", "sweeper"])
    error_message = "a container is all parts of the work"
  }
  assert {
    condition = alltrue([for a in aws_cloudwatch_metric_alarm.this : alltrue(flatten([for q in a.metric_query : [for m in q.metric :
      m.namespace != "status-offload/offload" || contains(concat([for f in aws_cloudwatch_log_metric_filter.counted : f.metric_transformation[0].name], [
    for f in aws_cloudwatch_log_metric_filter.wait : f.metric_transformation[0].name]), m.metric_name)]]))])
    error_message = "a filter makes each metric of ours"
  }
  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.this : a.alarm_actions == toset([var.alarm_topic_arn])])
    error_message = "someone gets each"
  }
}

run "a_budget_counts_what_has_its_tag" {
  command = plan
  variables {
    alarm_topic_arn = "arn:aws:sns:eu-west-1:123456789012:alarms"
    budget          = { monthly_usd = 50, tag = { key = "service", value = "orders" } }
  }
  assert {
    condition     = module.observability.budget.filters == [tolist(["user:service$orders"])]
    error_message = "the tag as Budgets writes it: ${jsonencode(module.observability.budget)}"
  }
  assert {
    condition     = module.observability.budget.limit == "50" && module.observability.budget.at == { ACTUAL = 80, FORECASTED = 100 }
    error_message = "before it is spent: ${jsonencode(module.observability.budget)}"
  }
}

run "a_budget_notifies_somebody" {
  command = plan
  variables {
    budget = { monthly_usd = 50 }
  }
  expect_failures = [output.alarm_names]
}
