output "dashboard" {
  description = "The dashboard's name."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "alarm_names" {
  description = "Names of all alarms."
  value       = concat([for a in aws_cloudwatch_metric_alarm.this : a.alarm_name], [for a in aws_cloudwatch_metric_alarm.function : a.alarm_name])
}

output "budget" {
  description = "Name, limit and cost filters of the budget; null without one."
  value = one([for b in aws_budgets_budget.this : {
    name    = b.name
    limit   = b.limit_amount
    filters = [for f in b.cost_filter : f.values]
    at      = { for n in b.notification : n.notification_type => n.threshold }
  }])
}
