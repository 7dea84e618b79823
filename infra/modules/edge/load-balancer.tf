# Internal load balancer in front of the api's tasks. Only the VPC link reaches it.

resource "aws_security_group" "vpc_link" {
  name        = "sales-vpc-link-${var.region}"
  description = "VPC link of the HTTP API"
  vpc_id      = var.network.vpc_id

  tags = { Name = "sales-vpc-link" }
}

resource "aws_security_group" "load_balancer" {
  name        = "sales-load-balancer-${var.region}"
  description = "Internal load balancer of the api"
  vpc_id      = var.network.vpc_id

  tags = { Name = "sales-load-balancer" }
}

resource "aws_vpc_security_group_egress_rule" "vpc_link" {
  security_group_id            = aws_security_group.vpc_link.id
  description                  = "TLS to the load balancer"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.load_balancer.id
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  security_group_id            = aws_security_group.load_balancer.id
  description                  = "TLS from the VPC link"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.vpc_link.id
}

resource "aws_lb" "api" {
  #checkov:skip=CKV_AWS_91: every request passes the HTTP API, whose access log has it already
  #checkov:skip=CKV2_AWS_28: the load balancer is internal, with a VPC link as its only client; the API throttles
  name                       = "sales-api"
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = var.network.subnet_ids
  security_groups            = [aws_security_group.load_balancer.id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = var.deletion_protection
  idle_timeout               = 60
}

resource "aws_lb_target_group" "api" {
  #checkov:skip=CKV_AWS_378: TLS ends at the load balancer; from there to the task the way is inside the VPC and closed by security groups
  name                 = "sales-api"
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = var.port
  vpc_id               = var.network.vpc_id
  deregistration_delay = var.deregistration_seconds

  health_check {
    path                = "/readiness"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.api.arn
  protocol          = "HTTPS"
  port              = 443
  certificate_arn   = var.certificate_arn
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}
