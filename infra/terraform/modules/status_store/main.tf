# The bucket that clients read: small status objects, and results beside them.

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:every poll would write a line of access log, which costs more than the poll; request metrics are enough
  #checkov:skip=CKV_AWS_21:a status object is overwritten several times, and each old version would be kept and billed
  #checkov:skip=CKV_AWS_144:an object lives for days, and DynamoDB can write it anew
  #checkov:skip=CKV2_AWS_62:the worker sends events itself, on the revision
  bucket = "${var.name}-${var.account_id}"
  # Objects can be made anew or are results that somebody may miss: the caller decides.
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    # No ACLs: who may read is decided by policies alone.
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.key_arn
    }
    # One call to KMS for many objects.
    bucket_key_enabled = var.key_arn != null
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  versioning_configuration {
    # An overwrite replaces: old versions of a status are worth nothing and would be billed.
    status = "Disabled"
  }
}

resource "aws_s3_bucket_cors_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  cors_rule {
    allowed_origins = var.cors_origins
    allowed_methods = ["GET", "HEAD"]
    # A script that sends the validator itself causes a preflight; the browser's own cache does not.
    # An SDK signs each request by headers of its own.
    allowed_headers = concat(["if-none-match"], var.access == "sts" ? ["authorization", "x-amz-*", "amz-sdk-*"] : [])
    # The validator, and the clock that a client corrects its own by.
    expose_headers  = ["ETag", "Date"]
    max_age_seconds = 86400
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  # Without this S3 leaves objects under 128 KB in Standard whatever a rule says: the rule that is
  # written is the rule that takes effect.
  transition_default_minimum_object_size = "varies_by_storage_class"

  rule {
    id     = "status"
    status = "Enabled"
    filter {
      prefix = "status/"
    }
    dynamic "transition" {
      for_each = var.status_transitions
      content {
        # Never sooner than promised, however the list was written.
        days          = max(transition.value.days, var.status_standard_days)
        storage_class = transition.value.storage_class
      }
    }
    expiration {
      days = var.status_expire_days
    }
  }

  rule {
    id     = "results"
    status = "Enabled"
    filter {
      prefix = "results/"
    }
    dynamic "transition" {
      for_each = var.result_transitions
      content {
        days          = transition.value.days
        storage_class = transition.value.storage_class
      }
    }
    expiration {
      days = var.result_expire_days
    }
  }

  rule {
    id     = "logs"
    status = "Enabled"
    filter {
      prefix = "logs/"
    }
    expiration {
      days = var.work_log_expire_days
    }
  }

  rule {
    id     = "uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      # A large result is uploaded within minutes; what a dead worker left is billed until it is
      # aborted.
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  # The policy refuses some requests; while it is written the block on public ones should be in
  # force.
  depends_on = [aws_s3_bucket_public_access_block.this]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
        Principal = "*"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for cidrs in [var.allowed_cidrs] : {
        Sid       = "PresignedFromAllowedNetworksOnly"
        Effect    = "Deny"
        Action    = "s3:GetObject"
        Resource  = "${aws_s3_bucket.this.arn}/*"
        Principal = "*"
        # All must hold: only URLs are concerned, not the worker, which reads with its own
        # credentials. What comes by a VPC endpoint has the second address, and no first.
        Condition = {
          NotIpAddress = { "aws:SourceIp" = cidrs, "aws:VpcSourceIp" = cidrs }
          StringEquals = { "s3:authType" = "REST-QUERY-STRING" }
        }
      } if length(cidrs) > 0],
      [for seconds in var.max_signature_age_seconds[*] : {
        Sid       = "YoungSignaturesOnly"
        Effect    = "Deny"
        Action    = "s3:GetObject"
        Resource  = "${aws_s3_bucket.this.arn}/*"
        Principal = "*"
        # In milliseconds.
        Condition = { NumericGreaterThan = { "s3:signatureAge" = tostring(1000 * seconds) } }
      }],
    )
  })
}
