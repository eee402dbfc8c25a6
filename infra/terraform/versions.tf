terraform {
  # 1.11: write-only arguments, which keep secrets out of the state; OpenTofu 1.11 is the same.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # What it is checked with, and the major version after it; the next one needs a person's
      # review.
      version = ">= 5.100, < 7.0"
    }
  }
}
