# A secret that nobody makes up, and that is in no state, plan or configuration: Terraform draws it
# and writes it to SSM, from where the programs read it as they start.
#
# Each version is a parameter of its own. The programs sign by the current one, and take the next
# and the previous one as well: while functions of two versions run side by side, each knows what
# the other signs by. So a new version is one number raised. One more is kept for a rollback.

locals {
  used = [for v in [var.current, var.current + 1, var.current - 1] : tostring(v) if v >= 1]
  kept = toset([for v in range(max(1, var.current - 2), var.current + 2) : tostring(v)])
}

resource "aws_ssm_parameter" "this" {
  for_each    = local.kept
  name        = "${local.path}/${each.key}"
  description = var.description
  type        = "SecureString"
  key_id      = var.key_arn
  # Drawn from the system's randomness as it is applied, 244 bits of it: the plan does not know it.
  value_wo = var.webhooks ? "whsec_${base64encode(sha256("${uuid()}${uuid()}"))}" : sha256("${uuid()}${uuid()}")
  # Written once: what is in it stays.
  value_wo_version = 1

  lifecycle {
    # What no function names any more goes after the functions have changed.
    create_before_destroy = true
  }
}

locals {
  path = "/${var.name}/${var.secret}"
}
