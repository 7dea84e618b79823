# The two names of this site. The records here belong to this region alone; which region `shared` leads to is decided in
# modules/traffic.

locals {
  names = { shared = var.hosts.shared, regional = var.hosts.regional }
  # What leads to each: `shared` itself is written elsewhere, so its address here gets a name of its own.
  records = { shared = var.hosts.origin, regional = var.hosts.regional }
}

resource "aws_apigatewayv2_domain_name" "this" {
  for_each = local.names

  domain_name = each.value

  domain_name_configuration {
    certificate_arn = var.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  for_each = local.names

  api_id      = aws_apigatewayv2_api.this.id
  stage       = aws_apigatewayv2_stage.default.id
  domain_name = aws_apigatewayv2_domain_name.this[each.key].id
}

resource "aws_route53_record" "this" {
  for_each = local.records

  zone_id = var.zone_id
  name    = each.value
  type    = "A"

  alias {
    name                   = aws_apigatewayv2_domain_name.this[each.key].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.this[each.key].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }
}
