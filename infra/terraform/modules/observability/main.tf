# Alarms on what an operator must act on, and a dashboard.

locals {
  actions = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]

  # Each: what it means for the operator who is woken by it, and when it rings.
  queue_alarms = merge(local.order_alarms, local.push_alarms)

  order_alarms = {
    dead-letters = {
      description = "Orders fell out of the queue: see `offload dlq list`."
      queue       = var.dead_letter_queue_name
      metric      = "ApproximateNumberOfMessagesVisible"
      threshold   = 0
    }
    waiting = {
      description = "The oldest order has waited for a quarter of an hour: workers are too few, or down."
      queue       = var.queue_name
      metric      = "ApproximateAgeOfOldestMessage"
      threshold   = 900
    }
  }

  push_alarms = var.push == null ? {} : merge(
    {
      notifications-dead-letters = {
        description = "Notifications are in the dead-letter queue: a webhook or another target does not accept them. Clients still read each status from S3."
        queue       = var.push.dead_letter_queue_name
        metric      = "ApproximateNumberOfMessagesVisible"
        threshold   = 0
      }
      notifications-waiting = {
        description = "The oldest notification has waited for half an hour: the notifier is down, or slow targets take all of it."
        queue       = var.push.queue_name
        metric      = "ApproximateAgeOfOldestMessage"
        # What is tried again may be delayed for a quarter of an hour.
        threshold = 1800
      }
    },
    !var.push.stream ? {} : {
      stream-failures = {
        description = "Records of the order table's stream could not be handled, and those changes were pushed to nobody. Clients still read each status from S3."
        queue       = var.push.stream_failures_queue_name
        metric      = "ApproximateNumberOfMessagesVisible"
        threshold   = 0
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "queue" {
  for_each            = local.queue_alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/SQS"
  metric_name         = each.value.metric
  dimensions          = { QueueName = each.value.queue }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  # An idle queue sends no metrics.
  treat_missing_data = "notBreaching"
  alarm_actions      = local.actions
  ok_actions         = local.actions
}

resource "aws_cloudwatch_metric_alarm" "api_5xx" {
  alarm_name          = "${var.name}-api-5xx"
  alarm_description   = "Orders are refused: a store does not answer, or the function fails."
  namespace           = "AWS/ApiGateway"
  metric_name         = "5xx"
  dimensions          = { ApiId = var.api_id }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
  threshold           = 5
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.actions
  ok_actions          = local.actions
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each = { for pair in setproduct(var.functions, ["Errors", "Throttles"]) : "${pair[0]}-${lower(pair[1])}" => pair }

  alarm_name          = each.key
  alarm_description   = "${each.value[0]} has ${lower(each.value[1])}: see its log."
  namespace           = "AWS/Lambda"
  metric_name         = each.value[1]
  dimensions          = { FunctionName = each.value[0] }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.actions
  ok_actions          = local.actions
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [for i, w in concat(local.widgets, local.push_widgets) : {
      type   = "metric"
      x      = 12 * (i % 2)
      y      = 6 * floor(i / 2)
      width  = 12
      height = 6
      properties = {
        title   = w.title
        region  = var.region
        view    = "timeSeries"
        period  = 60
        stat    = w.stat
        metrics = w.metrics
      }
    }]
  })
}

locals {
  widgets = [
    {
      title = "Orders and refusals"
      stat  = "Sum"
      metrics = [
        ["AWS/ApiGateway", "Count", "ApiId", var.api_id],
        ["AWS/ApiGateway", "4xx", "ApiId", var.api_id],
        ["AWS/ApiGateway", "5xx", "ApiId", var.api_id],
      ]
    },
    {
      title   = "Latency of the api, ms"
      stat    = "p99"
      metrics = [["AWS/ApiGateway", "Latency", "ApiId", var.api_id]]
    },
    {
      title = "Queue"
      stat  = "Maximum"
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.queue_name],
        ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", var.queue_name],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.dead_letter_queue_name],
      ]
    },
    {
      title   = "Age of the oldest order, s"
      stat    = "Maximum"
      metrics = [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", var.queue_name]]
    },
    {
      title   = "Functions: errors and throttles"
      stat    = "Sum"
      metrics = [for pair in setproduct(var.functions, ["Errors", "Throttles"]) : ["AWS/Lambda", pair[1], "FunctionName", pair[0]]]
    },
    {
      title = "Order table: consumed units"
      stat  = "Sum"
      metrics = [
        ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", var.table_name],
        ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", var.table_name],
      ]
    },
  ]

  push_widgets = [for push in var.push[*] : {
    title = "Notifications"
    stat  = "Maximum"
    metrics = [
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", push.queue_name],
      ["AWS/SQS", "ApproximateNumberOfMessagesDelayed", "QueueName", push.queue_name],
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", push.dead_letter_queue_name],
    ]
    }
  ]
}
