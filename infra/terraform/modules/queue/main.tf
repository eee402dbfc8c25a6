# A queue, and where its dead letters go. Both standard: a message may come twice, and does no harm.

resource "aws_sqs_queue" "this" {
  name                       = var.name
  visibility_timeout_seconds = var.visibility_seconds
  # The longest that SQS keeps a message: an outage of a week loses nothing.
  message_retention_seconds = 1209600
  # Long polls wherever the receiver does not ask for them itself: the fewest empty answers, which
  # are billed too.
  receive_wait_time_seconds = 20
  # SSE-SQS costs nothing.
  sqs_managed_sse_enabled = var.key_arn == null ? true : null
  kms_master_key_id       = var.key_arn

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    # Orders and notifications end sooner, by their attempts; this catches what never gets that far.
    # Waiting for another worker's lease counts as a delivery too, so it is not a small number.
    maxReceiveCount = 20
  })
}

# Queues beside it, of orders of other priorities: the same in all but the name.
resource "aws_sqs_queue" "beside" {
  for_each                   = var.beside
  name                       = "${var.name}-${each.value}"
  visibility_timeout_seconds = var.visibility_seconds
  message_retention_seconds  = 1209600
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = var.key_arn == null ? true : null
  kms_master_key_id          = var.key_arn
  redrive_policy             = aws_sqs_queue.this.redrive_policy
}

resource "aws_sqs_queue" "dead" {
  name                       = "${var.name}-dead"
  visibility_timeout_seconds = var.visibility_seconds
  message_retention_seconds  = 1209600
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = var.key_arn == null ? true : null
  kms_master_key_id          = var.key_arn
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = concat([aws_sqs_queue.this.arn], [for q in aws_sqs_queue.beside : q.arn])
  })
}

# Written here, not as a data source: that would be read anew, and every policy be rewritten, with
# each change of a queue.
resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.id
  policy    = jsonencode({ Version = "2012-10-17", Statement = [merge(local.tls_only, { Resource = aws_sqs_queue.this.arn })] })
}

resource "aws_sqs_queue_policy" "beside" {
  for_each  = var.beside
  queue_url = aws_sqs_queue.beside[each.value].id
  policy    = jsonencode({ Version = "2012-10-17", Statement = [merge(local.tls_only, { Resource = aws_sqs_queue.beside[each.value].arn })] })
}

resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  policy    = jsonencode({ Version = "2012-10-17", Statement = [merge(local.tls_only, { Resource = aws_sqs_queue.dead.arn })] })
}

locals {
  tls_only = {
    Sid       = "TlsOnly"
    Effect    = "Deny"
    Action    = "sqs:*"
    Principal = "*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}

# What the queue of orders was called when it was the only one.
moved {
  from = aws_sqs_queue.orders
  to   = aws_sqs_queue.this
}

moved {
  from = aws_sqs_queue_policy.orders
  to   = aws_sqs_queue_policy.this
}
