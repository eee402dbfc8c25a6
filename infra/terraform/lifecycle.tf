# What S3 takes as a lifecycle, checked before it is asked.

locals {
  # From class to class S3 moves objects in this order alone.
  tiers             = ["STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"]
  infrequent_access = ["STANDARD_IA", "ONEZONE_IA"]

  lifecycles = {
    # As the rule has them: no status object leaves Standard sooner than promised.
    status = [for t in var.status_transitions : merge(t, { days = max(t.days, var.status_standard_days) })]
    result = var.result_transitions
  }
  expire_days = { status = var.status_expire_days, result = var.result_expire_days }

  lifecycle_faults = flatten([for kind, transitions in local.lifecycles : [
    [for t in transitions : "${kind}_transitions: ${t.days} is no whole number of days." if t.days < 0 || floor(t.days) != t.days],
    [for t in transitions : "${kind}_transitions: ${t.storage_class} after ${t.days} days, but objects are deleted after ${local.expire_days[kind]} (${kind}_expire_days)." if t.days >= local.expire_days[kind]],
    [for t in transitions : "${kind}_transitions: ${t.storage_class} after ${t.days} days, and not all of S3 takes it before 30 (early_infrequent_access)."
    if contains(local.infrequent_access, t.storage_class) && t.days < 30 && !var.early_infrequent_access],
    [for i, t in slice(transitions, min(1, length(transitions)), length(transitions)) : concat(
      t.days > transitions[i].days && try(index(local.tiers, t.storage_class) > index(local.tiers, transitions[i].storage_class), true) ? [] : [
      "${kind}_transitions: ${t.storage_class} after ${t.days} days cannot come after ${transitions[i].storage_class} after ${transitions[i].days}: days go up, and classes in the order ${join(", ", local.tiers)}."],
      !contains(local.infrequent_access, transitions[i].storage_class) || t.days >= transitions[i].days + 30 || var.early_infrequent_access ? [] : [
      "${kind}_transitions: ${t.storage_class} after ${t.days} days, and not all of S3 takes it sooner than 30 days after ${transitions[i].storage_class} (early_infrequent_access)."],
    )],
  ]])
}
