# A change of a queue is a change of that queue.

mock_provider "aws" {
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:q" }
  }
}

variables {
  name               = "q"
  visibility_seconds = 60
  key_arn            = null
  beside             = ["high"]
}

run "made" {
  module {
    source = "./modules/queue"
  }
}

run "a_change_of_a_queue_rewrites_no_policy" {
  command = plan
  module {
    source = "./modules/queue"
  }
  variables {
    visibility_seconds = 90
  }
  # What would be written anew would not be known before the apply.
  assert {
    condition = alltrue([for p in [aws_sqs_queue_policy.this, aws_sqs_queue_policy.dead, aws_sqs_queue_policy.beside["high"]] :
    jsondecode(p.policy).Statement[0].Resource == "arn:aws:sqs:eu-west-1:123456789012:q"])
    error_message = "each policy is of its queue and stays as it is"
  }
}

run "a_queue_by_ones_own_key" {
  command = plan
  module {
    source = "./modules/queue"
  }
  variables {
    key_arn = "arn:aws:kms:eu-west-1:123456789012:key/k"
  }
  assert {
    condition     = alltrue([for q in [aws_sqs_queue.this, aws_sqs_queue.dead, aws_sqs_queue.beside["high"]] : q.kms_master_key_id == var.key_arn])
    error_message = "all three"
  }
}
