terraform {
  # 1.7: removed blocks and test mocks; OpenTofu 1.7 is the same.
  required_version = ">= 1.7"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # What it is checked with, and the major version after it; the next one needs a person's
      # review.
      version = ">= 5.100, < 7.0"
    }
  }
}
