# A dashboard; alarms.tf has the alarms on what an operator must act on.

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
      title   = "Wait of an order for its first attempt, mean, s"
      stat    = "Average"
      metrics = [for priority in ["high", "normal", "low"] : [local.namespace, local.wait_metric, "priority", priority]]
    },
    {
      title   = "Orders that need somebody"
      stat    = "Sum"
      metrics = [for name in ["dead-lettered", "hung", "stuck"] : [local.namespace, name]]
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
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", push.dead_letter_queue_names.notifications],
    ]
    }
  ]
}
