# Metrics from the logs of the programs, which are JSON, one object a line. tests/infra holds every
# text and field here to the code.

locals {
  namespace   = "status-offload/${var.name}"
  wait_metric = "wait-seconds"

  # Lines that are counted, and in whose log they are.
  counted_lines = {
    dead-lettered = { text = "order is dead-lettered", parts = ["worker", "dead_letters", "container"] }
    hung          = { text = "order hung until the default deadline", parts = ["sweeper", "container"] }
    stuck         = { text = "cannot sweep an order", parts = ["sweeper", "container"] }
    # As a function the sweeper fails its invocation instead.
    sweeper = { text = "cannot sweep", parts = ["container"] }
  }

  counted = merge([
    for metric, line in local.counted_lines : {
      for part in line.parts : "${metric}-${part}" => { metric = metric, text = line.text, log_group = var.log_groups[part] }
      if contains(keys(var.log_groups), part)
    }
  ]...)

  # Where work starts.
  working_log_groups = { for part in ["worker", "container"] : part => var.log_groups[part] if contains(keys(var.log_groups), part) }
}

resource "aws_cloudwatch_log_metric_filter" "counted" {
  for_each       = local.counted
  name           = "${var.name}-${each.key}"
  log_group_name = each.value.log_group
  pattern        = "{ $.message = \"${each.value.text}\" }"

  metric_transformation {
    namespace = local.namespace
    name      = each.value.metric
    value     = "1"
  }
}

resource "aws_cloudwatch_log_metric_filter" "wait" {
  for_each       = local.working_log_groups
  name           = "${var.name}-${local.wait_metric}"
  log_group_name = each.value
  pattern        = "{ $.message = \"work on an order starts\" && $.waited_seconds = * && $.priority = * }"

  metric_transformation {
    namespace  = local.namespace
    name       = local.wait_metric
    value      = "$.waited_seconds"
    unit       = "Seconds"
    dimensions = { priority = "$.priority" }
  }
}
