# Who does the work and looks after what falls out from under it: as three functions of one package, or as a container that
# is all of them. This file has what both share.

locals {
  lambda  = var.runtime == "lambda"
  fargate = var.runtime == "fargate"

  environment = merge(
    {
      OFFLOAD_BUCKET                = var.bucket
      OFFLOAD_TABLE                 = var.table
      OFFLOAD_QUEUE_URL             = var.queue_url
      OFFLOAD_DEAD_LETTER_QUEUE_URL = var.dead_letter_queue_url
      OFFLOAD_SIGNER_ROLE_ARN       = var.signer_role_arn
      OFFLOAD_RETENTION_DAYS        = tostring(var.retention_days)
      # A session by chaining lasts an hour: a longer TTL could not be kept. GET /order/{id} gives a fresh URL.
      OFFLOAD_RESULT_URL_TTL_SECONDS = "3600"
    },
    var.settings,
  )

  # Statements by the part of the work that needs them.
  statements = {
    worker = [
      {
        # Query, PutItem and DeleteItem are for what workers report of themselves.
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
        Sid      = "WriteStatusObjectsAndResults"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = ["${var.bucket_arn}/status/*", "${var.bucket_arn}/results/*"]
      },
      {
        # SendMessage puts an order that is not due yet back.
        Sid      = "Queue"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
        Resource = var.queue_arn
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
        Sid      = "Send"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = var.queue_arn
      },
    ]
  }
}
