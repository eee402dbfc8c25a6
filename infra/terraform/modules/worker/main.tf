# Does the work and ends what is dead-lettered or overdue: as three functions of one package, or as
# a container that is all of them. Beside them, with push, the notifier, which is a function in
# either case: it needs no more time than a function has, and nobody else sees the secrets of its
# channels. This file has what all share.

locals {
  lambda = var.runtime == "lambda"
  # The one without the other is one error, of the root module.
  fargate = var.runtime == "fargate" && var.fargate != null

  environment = merge(
    {
      OFFLOAD_BUCKET                = var.bucket
      OFFLOAD_TABLE                 = var.table
      OFFLOAD_QUEUE_URL             = var.queue_url
      OFFLOAD_DEAD_LETTER_QUEUE_URL = var.dead_letter_queue_url
      OFFLOAD_SIGNER_ROLE_ARN       = var.signer_role_arn
      OFFLOAD_RETENTION_DAYS        = tostring(var.retention_days)
      OFFLOAD_PROCESSOR             = var.processor
      # A session by chaining lasts an hour: a longer TTL could not be kept. GET /order/{id} gives a
      # fresh URL.
      OFFLOAD_RESULT_URL_TTL_SECONDS = "3600"
    },
    local.priority_environment,
    local.push_environment,
    var.settings,
  )

  # The other functions do no work, and their package need not have its program: with a command that
  # is not there they would not start. Settings of the work go with it.
  without_work = merge(
    { for name, value in local.environment : name => value if !contains(["OFFLOAD_COMMAND", "OFFLOAD_COMMAND_ENV", "OFFLOAD_HTTP_URL", "OFFLOAD_JOB_SECONDS"], name) },
    { OFFLOAD_PROCESSOR = "none" },
  )

  # All queues of orders.
  queue_arns = flatten([var.queue_arn, values(var.priority_queues)[*].arn])
  # What is sent again goes by its priority, not by the queue of quiet tenants.
  priority_queue_arns = flatten([var.queue_arn, [for name, queue in var.priority_queues : queue.arn if name != "quiet"]])

  priority_environment = { for priority, queue in var.priority_queues : "OFFLOAD_${upper(priority)}_QUEUE_URL" => queue.url }

  push_environment = var.push == null ? {} : merge(var.push.channel_settings, {
    OFFLOAD_NOTIFICATIONS_QUEUE_URL             = var.push.notifications_queue_url
    OFFLOAD_WEBHOOKS_QUEUE_URL                  = var.push.webhooks_queue_url
    OFFLOAD_WEBHOOK_RETRIES_QUEUE_URL           = var.push.webhook_retries_queue_url
    OFFLOAD_NOTIFICATIONS_DEAD_LETTER_QUEUE_URL = var.push.notifications_dead_letter_queue_url
    OFFLOAD_EVENTS_FROM                         = var.push.events_from
  })

  # Statements by the part of the work that needs them.
  statements = {
    worker = [
      {
        # PutItem and DeleteItem are for what workers report of themselves, Query for that and for
        # an order's subscriptions.
        Sid      = "Orders"
        Effect   = "Allow"
        Action   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        Resource = var.table_arn
      },
      {
        Sid      = "ReadStatusObjects"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${var.bucket_arn}/status/*"
      },
      {
        Sid      = "WriteStatusObjectsResultsAndLogs"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = ["${var.bucket_arn}/status/*", "${var.bucket_arn}/results/*", "${var.bucket_arn}/logs/*"]
      },
      {
        Sid      = "Queue"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = local.queue_arns
      },
      {
        # An order that is not due yet is put back.
        Sid      = "PutBack"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = local.priority_queue_arns
      },
      {
        Sid      = "Notify"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = flatten([var.push[*].notifications_queue_arn, var.push[*].webhooks_queue_arn])
      },
      {
        Sid      = "Sign"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = var.signer_role_arn
      },
    ]
    dead_letters = [
      {
        Sid      = "EndOrders"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
        Resource = var.table_arn
      },
      {
        Sid      = "StatusObjects"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = "${var.bucket_arn}/status/*"
      },
      {
        Sid      = "DeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = var.dead_letter_queue_arn
      },
      {
        Sid      = "FindSubscriptions"
        Effect   = "Allow"
        Action   = "dynamodb:Query"
        Resource = var.table_arn
      },
      {
        Sid      = "Notify"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = flatten([var.push[*].notifications_queue_arn, var.push[*].webhooks_queue_arn])
      },
      {
        Sid      = "SignResults"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = var.signer_role_arn
      },
    ]
    sweeper = [
      {
        Sid      = "FindWhatFallsDue"
        Effect   = "Allow"
        Action   = "dynamodb:Query"
        Resource = "${var.table_arn}/index/due"
      },
      {
        Sid      = "Orders"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
        Resource = var.table_arn
      },
      {
        Sid      = "StatusObjects"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = "${var.bucket_arn}/status/*"
      },
      {
        # What a late writer left of an order that was erased.
        Sid      = "Erase"
        Effect   = "Allow"
        Action   = "s3:DeleteObject"
        Resource = ["${var.bucket_arn}/status/*", "${var.bucket_arn}/results/*", "${var.bucket_arn}/logs/*"]
      },
      {
        Sid      = "Send"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = local.priority_queue_arns
      },
      {
        # It warns of attributes that the service cannot work with.
        Sid      = "CheckTable"
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"]
        Resource = var.table_arn
      },
      {
        Sid      = "CheckQueue"
        Effect   = "Allow"
        Action   = "sqs:GetQueueAttributes"
        Resource = local.queue_arns
      },
      {
        Sid      = "FindSubscriptions"
        Effect   = "Allow"
        Action   = "dynamodb:Query"
        Resource = var.table_arn
      },
      {
        Sid      = "Notify"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = flatten([var.push[*].notifications_queue_arn, var.push[*].webhooks_queue_arn])
      },
    ]
    # What its channels need comes with them: notifier_statements.
    notifier = [
      {
        Sid      = "Notifications"
        Effect   = "Allow"
        Action   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = flatten([var.push[*].notifications_queue_arn, var.push[*].webhooks_queue_arn, var.push[*].webhook_retries_queue_arn])
      },
      {
        # A retry is a message of its own; what failed at every attempt goes to the dead letters.
        Sid      = "RetryOrDeadLetter"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = flatten([var.push[*].notifications_queue_arn, var.push[*].webhook_retries_queue_arn, var.push[*].notifications_dead_letter_queue_arn])
      },
      {
        Sid      = "PostToConnections"
        Effect   = "Allow"
        Action   = "execute-api:ManageConnections"
        Resource = var.push[*].connections_arn
      },
      {
        # Deliveries of webhooks, connections that are gone, and an order's subscriptions.
        Sid      = "DeliveriesAndSubscriptions"
        Effect   = "Allow"
        Action   = ["dynamodb:DeleteItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        Resource = var.table_arn
      },
      {
        Sid      = "ReadStream"
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
        Resource = var.push[*].table_stream_arn
      },
      {
        # It lists the account's, and is allowed on no single one.
        Sid      = "ListStreams"
        Effect   = "Allow"
        Action   = ["dynamodb:ListStreams"]
        Resource = "*"
      },
      {
        # Lambda sends there with the function's role.
        Sid      = "NameWhatTheStreamLost"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = var.push[*].stream_failures_arn
      },
    ]
  }

  # Statements of what this deployment does not have.
  withheld = concat(
    var.push == null ? ["FindSubscriptions", "Notify"] : [],
    try(var.push.events_from == "stream", false) ? [] : ["ReadStream", "ListStreams", "NameWhatTheStreamLost"],
  )
  granted = {
    for part, statements in local.statements : part => concat(
      [for s in statements : s if !contains(local.withheld, s.Sid)],
      part == "notifier" ? var.notifier_statements : [],
    )
  }
}
