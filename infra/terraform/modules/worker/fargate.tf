# The container, for work that takes longer than a function may run or needs an image of its own. It
# consumes the queue, ends dead letters and sweeps, all in one program.

resource "aws_ecs_cluster" "this" {
  count = local.fargate ? 1 : 0
  name  = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "container" {
  count             = local.fargate ? 1 : 0
  name              = "/aws/ecs/${var.name}-worker"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

resource "aws_ecs_task_definition" "this" {
  #checkov:skip=CKV_AWS_336:the image decides; the worker of this repository writes to /tmp only, where results are collected
  count                    = local.fargate ? 1 : 0
  family                   = "${var.name}-worker"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.fargate.cpu
  memory                   = var.fargate.memory
  execution_role_arn       = aws_iam_role.execution[0].arn
  task_role_arn            = aws_iam_role.task[0].arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture == "arm64" ? "ARM64" : "X86_64"
  }

  container_definitions = jsonencode([{
    name        = "worker"
    image       = var.fargate.image
    essential   = true
    environment = [for name, value in merge(local.environment, local.delivers_none) : { name = name, value = value }]
    secrets     = [for name, arn in var.secrets : { name = name, valueFrom = arn }]
    # A task that is killed before the end of the program's own grace period costs its orders an
    # attempt.
    stopTimeout = local.grace_seconds + 5
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.container[0].name
        "awslogs-region"        = data.aws_region.current.id
        "awslogs-stream-prefix" = "worker"
      }
    }
  }])
}

locals {
  grace_seconds = tonumber(lookup(var.settings, "OFFLOAD_SHUTDOWN_GRACE_SECONDS", "25"))

  # The notifier is a function: a container has neither its secrets nor its permissions.
  delivers_none = var.push == null ? {} : { OFFLOAD_NOTIFY_CONCURRENCY = "0" }
}

data "aws_partition" "current" {}
data "aws_region" "current" {}

resource "aws_ecs_service" "this" {
  count           = local.fargate ? 1 : 0
  name            = "${var.name}-worker"
  cluster         = aws_ecs_cluster.this[0].id
  task_definition = aws_ecs_task_definition.this[0].arn
  desired_count   = var.fargate.min_tasks
  launch_type     = "FARGATE"

  # No fewer tasks than before while a deployment goes on; one whose tasks do not stay up is taken
  # back.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.fargate.subnet_ids
    security_groups  = var.fargate.security_groups
    assign_public_ip = false
  }

  lifecycle {
    # That is autoscaling's: autoscaling.tf.
    ignore_changes = [desired_count]
  }
}

resource "aws_iam_role" "task" {
  count       = local.fargate ? 1 : 0
  name        = "${var.name}-worker"
  description = "What the worker of ${var.name} may do."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByTasks"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "task" {
  count = local.fargate ? 1 : 0
  name  = "worker"
  role  = aws_iam_role.task[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    # One program, all parts but the notifier: each statement once, by a name of its own.
    Statement = flatten([for part, statements in local.granted : [
      for s in statements : merge(s, { Sid = "${replace(title(replace(part, "_", " ")), " ", "")}${s.Sid}" })
    ] if part != "notifier"])
  })
}

# The worker asks its agent not to stop it while long work runs, and the agent asks ECS with the
# task's role.
resource "aws_iam_role_policy" "protection" {
  count = local.fargate ? 1 : 0
  name  = "protection"
  role  = aws_iam_role.task[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ProtectLongWork"
      Effect   = "Allow"
      Action   = "ecs:UpdateTaskProtection"
      Resource = "${replace(aws_ecs_cluster.this[0].arn, ":cluster/", ":task/")}/*"
    }]
  })
}

resource "aws_iam_role" "execution" {
  count       = local.fargate ? 1 : 0
  name        = "${var.name}-worker-execution"
  description = "Starts tasks: pulls the image and writes logs."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AssumedByTasks"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "execution" {
  count = local.fargate ? 1 : 0
  role  = aws_iam_role.execution[0].name
  # Pulls from ECR and writes to CloudWatch; AWS keeps it current.
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}
