# The order table: it decides the state of an order. Keys and index as the code has them
# (ARCHITECTURE.md).

resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_119:encrypted with AWS's own key unless customer_key names another, which costs a call to KMS and $1 a month
  #checkov:skip=CKV_AWS_28:point-in-time recovery is a variable: orders live for days, and half of the table's worth is in the queue
  name = "${var.name}-orders"
  # Orders come in bursts: on demand costs nothing between them.
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "pk"
    type = "S"
  }
  attribute {
    name = "sk"
    type = "S"
  }
  attribute {
    name = "due"
    type = "S"
  }
  attribute {
    name = "due_at"
    type = "N"
  }

  # Providers from 6.28 warn of hash_key and range_key; the key_schema that they want instead is
  # unknown to those before. The next major version drops the old names: versions.tf excludes it.
  # Sparse: it holds only orders for which something falls due, in sixteen shards.
  global_secondary_index {
    name            = "due"
    hash_key        = "due"
    range_key       = "due_at"
    projection_type = "KEYS_ONLY"
  }

  # For events from the table's stream: the order after the change, which is all that an event says.
  stream_enabled   = var.stream
  stream_view_type = var.stream ? "NEW_AND_OLD_IMAGES" : null

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  server_side_encryption {
    # Without it, AWS's own key, which costs nothing.
    enabled     = var.key_arn != null
    kms_key_arn = var.key_arn
  }
}
