# Alarms on what an operator must act on. Each says what it means for the one who is woken by it.

locals {
  actions = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]

  alarms = merge(local.order_alarms, local.sweeper_alarms, local.log_alarms, local.container_alarms, local.push_alarms)

  # An alarm is an expression of its metrics, above a threshold in each of so many periods. Metrics
  # are SQS's, of one queue, unless they say otherwise.
  order_alarms = {
    dead-letters = {
      description = "Messages fell out of the queues of orders: see `offload dlq list`."
      # Their consumer takes them at once, so none is ever seen to wait. What SQS itself moves to a
      # dead-letter queue is not counted as sent.
      expression = "received"
      metrics    = { received = { queue = var.dead_letter_queue_name, name = "NumberOfMessagesReceived", stat = "Sum" } }
      period     = 300
    }
    stalled = {
      description = "Orders wait, and nobody works on any: workers are down, or may not receive."
      # Not the age of the oldest message, which counts orders that are being worked on.
      expression = "IF((${join(" + ", keys(local.waiting))}) > 0 AND (${join(" + ", keys(local.in_flight))}) == 0, 1, 0)"
      metrics    = merge(local.waiting, local.in_flight)
      periods    = 15
    }
    table-throttled = {
      description = "The order table refuses calls: the account's quota, or one partition of the table, is too small for what comes."
      expression  = "SUM(FILL(METRICS(), 0))"
      metrics = merge([
        for id, name in { reads = "ReadThrottleEvents", writes = "WriteThrottleEvents" } : {
          "table_${id}"         = { name = name, stat = "Sum", namespace = "AWS/DynamoDB", dimensions = { TableName = var.table_name } }
          "index_${id}"         = { name = name, stat = "Sum", namespace = "AWS/DynamoDB", dimensions = { TableName = var.table_name, GlobalSecondaryIndexName = var.table_index } }
        }
      ]...)
      periods = 3
    }
    api-5xx = {
      description = "Orders are refused: a store does not answer, or the function fails."
      expression  = "errors"
      metrics     = { errors = { name = "5xx", stat = "Sum", namespace = "AWS/ApiGateway", dimensions = { ApiId = var.api_id } } }
      threshold   = 5
      periods     = 3
    }
  }

  sweeper_alarms = merge([for sweeper in var.sweeper_function[*] : {
    sweeper = {
      description = "The sweeper has not run for a quarter of an hour: orders whose message was lost wait, and deadlines pass unnoticed."
      expression  = "IF(runs < 1, 1, 0)"
      metrics     = { runs = { name = "Invocations", stat = "Sum", namespace = "AWS/Lambda", dimensions = { FunctionName = sweeper } } }
      period      = 300
      periods     = 3
      # A function that does not run sends no metrics.
      missing = "breaching"
    }
  }]...)

  # All queues of orders.
  queues    = merge({ normal = var.queue_name }, var.priority_queue_names)
  waiting   = { for lane, queue in local.queues : "waiting_${lane}" => { queue = queue, name = "ApproximateNumberOfMessagesVisible", stat = "Minimum" } }
  in_flight = { for lane, queue in local.queues : "in_flight_${lane}" => { queue = queue, name = "ApproximateNumberOfMessagesNotVisible", stat = "Maximum" } }

  log_alarms = merge(
    {
      for metric, alarm in {
        dead-lettered = { description = "Orders failed at every attempt: see `offload dlq list`.", periods = 1 }
        hung          = { description = "Orders reached the default deadline and nobody had ended them: see the log of the sweeper.", periods = 1 }
        stuck         = { description = "The sweeper cannot see to orders that are due, again and again: see its log.", periods = 3 }
        } : metric => {
        description = alarm.description
        expression  = "lines"
        metrics     = { lines = { name = metric, stat = "Sum", namespace = local.namespace, dimensions = {} } }
        period      = 300
        periods     = alarm.periods
      }
    },
    {
      for priority, seconds in var.alarm_waiting_seconds : priority == "normal" ? "waiting" : "${priority}-waiting" => {
        description = "Orders of ${priority} priority that start wait ${seconds} s in the mean: workers are too few."
        expression  = "waited"
        metrics     = { waited = { name = local.wait_metric, stat = "Average", namespace = local.namespace, dimensions = { priority = priority } } }
        threshold   = seconds
        period      = 300
      } if seconds != null && contains(concat(["normal"], keys(var.priority_queue_names)), priority)
    },
  )

  container_alarms = merge([for container in var.container[*] : {
    tasks = {
      description = "Fewer containers run than should: see the events of the service."
      expression  = "desired - running"
      metrics = {
        for id, name in { desired = "DesiredTaskCount", running = "RunningTaskCount" } : id => {
          name                    = name
          stat                    = "Average"
          namespace               = "ECS/ContainerInsights"
          dimensions              = { ClusterName = container.cluster, ServiceName = container.service }
        }
      }
      periods = 15
    }
    sweeper = {
      description = "Sweeps fail: orders whose message was lost wait, and deadlines pass unnoticed."
      expression  = "lines"
      metrics     = { lines = { name = "sweeper", stat = "Sum", namespace = local.namespace, dimensions = {} } }
      period      = 300
      periods     = 3
    }
  }]...)

  push_alarms = merge(flatten([for push in var.push[*] : [
    {
      for name, queue in push.dead_letter_queue_names : "${name}-dead-letters" => {
        description = "Notifications are in the dead-letter queue ${queue}: a webhook or another target does not accept them. Clients still read each status from S3."
        expression  = "dead"
        metrics     = { dead = { queue = queue, name = "ApproximateNumberOfMessagesVisible", stat = "Maximum" } }
        periods     = 5
      }
    },
    {
      notifications-waiting = {
        description = "The oldest notification has waited for half an hour: the notifier is down, or slow targets take all of it."
        expression  = "age"
        metrics     = { age = { queue = push.queue_name, name = "ApproximateAgeOfOldestMessage", stat = "Maximum" } }
        # What is tried again may be delayed for a quarter of an hour.
        threshold = 1800
        periods   = 5
      }
      websocket-errors = {
        description = "The WebSocket API fails: connections or subscriptions are refused, see the log of the api."
        expression  = "SUM(FILL(METRICS(), 0))"
        metrics = {
          for id, name in { of_gateway = "ExecutionError", of_function = "IntegrationError" } : id => {
            name                       = name, stat = "Sum", namespace = "AWS/ApiGateway", dimensions = { ApiId = push.api_id }
          }
        }
        threshold = 5
        periods   = 3
      }
    },
    [for queue in push.stream ? [push.stream_failures_queue_name] : [] : {
      stream-failures = {
        description = "Records of the order table's stream could not be handled, and those changes were pushed to nobody. Clients still read each status from S3."
        expression  = "dead"
        metrics     = { dead = { queue = queue, name = "ApproximateNumberOfMessagesVisible", stat = "Maximum" } }
        periods     = 5
      }
    }],
  ]])...)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  evaluation_periods  = lookup(each.value, "periods", 1)
  threshold           = lookup(each.value, "threshold", 0)
  comparison_operator = "GreaterThanThreshold"
  # What is idle sends no metrics.
  treat_missing_data = lookup(each.value, "missing", "notBreaching")
  alarm_actions      = local.actions
  ok_actions         = local.actions

  metric_query {
    id          = "alarm"
    label       = each.key
    expression  = each.value.expression
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics
    content {
      id          = metric_query.key
      return_data = false
      metric {
        namespace   = lookup(metric_query.value, "namespace", "AWS/SQS")
        metric_name = metric_query.value.name
        dimensions  = lookup(metric_query.value, "dimensions", { QueueName = lookup(metric_query.value, "queue", null) })
        stat        = metric_query.value.stat
        period      = lookup(each.value, "period", 60)
      }
    }
  }
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

# What they were called while each had one metric.
moved {
  from = aws_cloudwatch_metric_alarm.queue
  to   = aws_cloudwatch_metric_alarm.this
}

moved {
  from = aws_cloudwatch_metric_alarm.api_5xx
  to   = aws_cloudwatch_metric_alarm.this["api-5xx"]
}
