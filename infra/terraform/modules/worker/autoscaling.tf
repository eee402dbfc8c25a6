# As many containers as there is work: orders that wait and orders that are worked on, divided by
# the tasks that run, is kept at what one task works on at once. What is worked on counts, so that
# long work is not taken for idleness.

locals {
  orders_per_task = local.fargate ? coalesce(var.fargate.orders_per_task, var.orders_at_once) : null

  scaled_queues = merge({ normal = var.queue_name }, { for priority, queue in var.priority_queues : priority => queue.name })

  # Metrics of the expression below.
  work = merge([
    for state, metric in { waiting = "ApproximateNumberOfMessagesVisible", in_flight = "ApproximateNumberOfMessagesNotVisible" } : {
      for lane, queue in local.scaled_queues : "${state}_${lane}" => {
        namespace  = "AWS/SQS"
        metric     = metric
        dimensions = { QueueName = queue }
      }
    }
  ]...)
  tasks = { tasks = {
    namespace  = "ECS/ContainerInsights"
    metric     = "RunningTaskCount"
    dimensions = { ClusterName = var.name, ServiceName = "${var.name}-worker" }
  } }
}

resource "aws_appautoscaling_target" "tasks" {
  count              = local.fargate ? 1 : 0
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this[0].name}/${aws_ecs_service.this[0].name}"
  min_capacity       = var.fargate.min_tasks
  max_capacity       = var.max_concurrency
}

resource "aws_appautoscaling_policy" "tasks" {
  count              = local.fargate ? 1 : 0
  name               = "${var.name}-orders-per-task"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.tasks[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.tasks[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.tasks[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = local.orders_per_task
    # A task is up in a minute, and the queue's counts are a minute old.
    scale_out_cooldown = 60
    # A burst that comes again within minutes finds its tasks.
    scale_in_cooldown = 300

    customized_metric_specification {
      metrics {
        id          = "orders_per_task"
        label       = "Orders that wait or are worked on, for each task"
        expression  = "(${join(" + ", keys(local.work))}) / IF(tasks > 0, tasks, 1)"
        return_data = true
      }

      dynamic "metrics" {
        for_each = merge(local.work, local.tasks)
        content {
          id          = metrics.key
          return_data = false
          metric_stat {
            stat = "Average"
            metric {
              namespace   = metrics.value.namespace
              metric_name = metrics.value.metric
              dynamic "dimensions" {
                for_each = metrics.value.dimensions
                content {
                  name  = dimensions.key
                  value = dimensions.value
                }
              }
            }
          }
        }
      }
    }
  }
}
