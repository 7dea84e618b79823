# One service of one region: task, roles, network, log.

locals {
  full_name = "sales-${var.name}"

  repository = regex("^arn:aws:ecr:(?P<region>[^:]+):(?P<account>[^:]+):repository/(?P<path>.+)$", var.image.repository_arn)
  image      = "${local.repository.account}.dkr.ecr.${local.repository.region}.amazonaws.com/${local.repository.path}:${var.image.tag}"

  container = {
    name                   = var.name
    image                  = local.image
    essential              = true
    readonlyRootFilesystem = true
    user                   = "65532:65532"
    entryPoint             = [var.binary]
    stopTimeout            = var.stop_timeout_seconds
    portMappings           = [{ name = "http", containerPort = var.port, hostPort = var.port, protocol = "tcp" }]
    environment            = [for name in sort(keys(var.environment)) : { name = name, value = var.environment[name] }]
    mountPoints            = []
    systemControls         = []
    volumesFrom            = []

    # The image has no shell and no curl: the program asks its own listener.
    healthCheck = {
      command     = ["CMD", var.binary, "--health-check"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 15
    }

    linuxParameters = {
      capabilities = { add = [], drop = ["ALL"] }
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = var.region
        awslogs-stream-prefix = var.name
        # A log that cannot be written must not stop a sale.
        mode            = "non-blocking"
        max-buffer-size = "4m"
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/sales/${var.region}/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.full_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.size.cpu
  memory                   = var.size.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode([local.container])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }
}

resource "aws_security_group" "this" {
  name        = "${local.full_name}-${var.region}"
  description = "Tasks of ${local.full_name}"
  vpc_id      = var.network.vpc_id

  tags = { Name = local.full_name }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  count = var.load_balancer == null ? 0 : 1

  security_group_id            = aws_security_group.this.id
  description                  = "HTTP from the load balancer"
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
  referenced_security_group_id = var.load_balancer.security_group_id
}

resource "aws_vpc_security_group_egress_rule" "addresses" {
  for_each = var.network.egress.cidrs

  security_group_id = aws_security_group.this.id
  description       = "TLS to ${each.key}"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.value
}

resource "aws_vpc_security_group_egress_rule" "gateway_endpoints" {
  for_each = var.network.egress.prefix_lists

  security_group_id = aws_security_group.this.id
  description       = "TLS to ${each.key} of this region"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = each.value
}

resource "aws_ecs_service" "this" {
  name            = local.full_name
  cluster         = var.cluster.arn
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = var.scaling.min
  launch_type     = "FARGATE"
  propagate_tags  = "SERVICE"

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"
  enable_ecs_managed_tags            = true
  health_check_grace_period_seconds  = var.load_balancer == null ? null : 30

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.network.subnet_ids
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = var.load_balancer == null ? [] : [var.load_balancer]

    content {
      target_group_arn = load_balancer.value.target_group_arn
      container_name   = var.name
      container_port   = var.port
    }
  }

  lifecycle {
    # Auto scaling sets it.
    ignore_changes = [desired_count]
  }

  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task]
}
