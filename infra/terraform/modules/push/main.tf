# Push to clients: the queues of notifications, and what feeds the notifier.

module "queue" {
  source = "../queue"

  name = "${var.name}-notifications"
  # Lambda's own advice: six times the function's timeout.
  visibility_seconds = 6 * var.notifier_timeout_seconds
  key_arn            = var.key_arn
}

# Webhooks go to strangers, who may let them hang: nobody who waits at an open connection waits
# behind them, and no first attempt behind those that failed.
module "webhooks" {
  source   = "../queue"
  for_each = local.webhooks

  name               = "${var.name}-${each.key}"
  visibility_seconds = 6 * var.notifier_timeout_seconds
  key_arn            = var.key_arn
}

resource "aws_lambda_event_source_mapping" "webhooks" {
  for_each = local.webhooks

  event_source_arn                   = module.webhooks[each.key].arn
  function_name                      = var.notifier_arn
  function_response_types            = ["ReportBatchItemFailures"]
  batch_size                         = 10
  maximum_batching_window_in_seconds = 0

  # Two is the fewest that Lambda allows.
  scaling_config {
    maximum_concurrency = max(2, floor(var.notifier_max_concurrency / each.value))
  }
}

resource "aws_lambda_event_source_mapping" "notifications" {
  event_source_arn = module.queue.arn
  function_name    = var.notifier_arn
  # A notification that was not settled must not bring the others of its batch again.
  function_response_types = ["ReportBatchItemFailures"]
  # Those of a batch are delivered side by side.
  batch_size = 10
  # Nobody should wait for others to fill a batch.
  maximum_batching_window_in_seconds = 0

  scaling_config {
    maximum_concurrency = var.notifier_max_concurrency
  }
}

# --- From the table's stream, instead of from the writers -----------------------------------------

resource "aws_lambda_event_source_mapping" "stream" {
  count             = local.stream ? 1 : 0
  event_source_arn  = var.table_stream_arn
  function_name     = var.notifier_arn
  starting_position = "TRIM_HORIZON" # All that the stream has: changes made while this was being set up are pushed, too.
  # A record that cannot be handled must not bring the others of its batch again, and is found by
  # halves where the function dies of it.
  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  batch_size                     = 100
  # A record that is tried again keeps all of its shard waiting, so it is not tried for ever.
  maximum_retry_attempts = 20

  # Orders that are new or changed. What workers report of themselves, keys, connections, deliveries
  # and what has expired cost no invocation.
  filter_criteria {
    filter {
      pattern = jsonencode({
        eventName = ["INSERT", "MODIFY"]
        dynamodb  = { Keys = { sk = { S = ["order"] } } }
      })
    }
  }

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.stream_failures[0].arn
    }
  }
}

# Names the stream's records that could not be handled: shard and sequence numbers, not their
# content. Not the dead letters of notifications, which can be sent once more.
resource "aws_sqs_queue" "stream_failures" {
  count                     = local.stream ? 1 : 0
  name                      = "${var.name}-stream-failures"
  message_retention_seconds = 1209600
  receive_wait_time_seconds = 20
  sqs_managed_sse_enabled   = var.key_arn == null ? true : null
  kms_master_key_id         = var.key_arn
}

resource "aws_sqs_queue_policy" "stream_failures" {
  count     = local.stream ? 1 : 0
  queue_url = aws_sqs_queue.stream_failures[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.stream_failures[0].arn
      Principal = "*"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

locals {
  # The queues of webhooks, and by what the notifier's concurrency is divided for each.
  webhooks = { webhooks = 1, webhook-retries = 4 }

  stream = var.events_from == "stream"
}
