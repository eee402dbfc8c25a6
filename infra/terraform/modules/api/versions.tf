terraform {
  # 1.7: removed blocks and test mocks; OpenTofu 1.7 is the same.
  required_version = ">= 1.7"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 6.x; the next major version is for a person to look at.
      version = "~> 6.0"
    }
  }
}
