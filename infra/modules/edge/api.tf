# HTTP API: the public way in. It carries only the routes that are public; /metrics and the like stay inside.

locals {
  sales_routes = ["POST /sales", "GET /sales/{id}", "DELETE /sales/{id}"]
  # Never authenticated: a DNS health check has no token. They tell the region's name and state, and nothing else.
  open_routes = ["GET /state", "GET /healthcheck"]
}

resource "aws_apigatewayv2_api" "this" {
  name                         = "sales"
  description                  = "Sales in ${var.region}"
  protocol_type                = "HTTP"
  disable_execute_api_endpoint = true
}

resource "aws_apigatewayv2_vpc_link" "this" {
  name               = "sales"
  subnet_ids         = var.network.subnet_ids
  security_group_ids = [aws_security_group.vpc_link.id]
}

resource "aws_apigatewayv2_integration" "api" {
  api_id             = aws_apigatewayv2_api.this.id
  integration_type   = "HTTP_PROXY"
  integration_method = "ANY"
  connection_type    = "VPC_LINK"
  connection_id      = aws_apigatewayv2_vpc_link.this.id
  integration_uri    = aws_lb_listener.https.arn
  # The api answers or gives up before this, in milliseconds.
  timeout_milliseconds   = 15000
  payload_format_version = "1.0"

  tls_config {
    server_name_to_verify = var.hosts.regional
  }
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count = var.jwt == null ? 0 : 1

  api_id           = aws_apigatewayv2_api.this.id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.jwt.issuer
    audience = var.jwt.audience
  }
}

resource "aws_apigatewayv2_route" "sales" {
  #checkov:skip=CKV_AWS_309: whether callers carry a token is the variable jwt; the README says to set it
  for_each = toset(local.sales_routes)

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.value
  target             = "integrations/${aws_apigatewayv2_integration.api.id}"
  authorization_type = var.jwt == null ? "NONE" : "JWT"
  authorizer_id      = var.jwt == null ? null : aws_apigatewayv2_authorizer.jwt[0].id
}

resource "aws_apigatewayv2_route" "open" {
  #checkov:skip=CKV_AWS_309: a DNS health check cannot carry a token
  for_each = toset(local.open_routes)

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.value
  target             = "integrations/${aws_apigatewayv2_integration.api.id}"
  authorization_type = "NONE"
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/sales/${var.region}/edge"
  retention_in_days = var.log_retention_days
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit    = var.throttling.rate
    throttling_burst_limit   = var.throttling.burst
    detailed_metrics_enabled = true
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      time            = "$context.requestTime"
      request_id      = "$context.requestId"
      source_ip       = "$context.identity.sourceIp"
      route           = "$context.routeKey"
      status          = "$context.status"
      error           = "$context.error.message"
      backend_error   = "$context.integration.error"
      latency_ms      = "$context.responseLatency"
      backend_ms      = "$context.integration.latency"
      response_length = "$context.responseLength"
    })
  }
}
