# One certificate a region, for its own name and the shared one. Here and not in the regions, because the shared name is
# validated by one and the same record for both.

resource "aws_acm_certificate" "first" {
  provider = aws.first

  domain_name               = module.first.hosts.regional
  subject_alternative_names = [module.first.hosts.shared]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "second" {
  provider = aws.second

  domain_name               = module.second.hosts.regional
  subject_alternative_names = [module.second.hosts.shared]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  # By name, so that the shared one stands once.
  validations = merge(
    { for option in aws_acm_certificate.first.domain_validation_options : option.domain_name => option },
    { for option in aws_acm_certificate.second.domain_validation_options : option.domain_name => option },
  )
}

resource "aws_route53_record" "validation" {
  provider = aws.us_east_1
  for_each = toset([module.first.hosts.shared, module.first.hosts.regional, module.second.hosts.regional])

  zone_id = var.zone_id
  name    = local.validations[each.value].resource_record_name
  type    = local.validations[each.value].resource_record_type
  ttl     = 300
  records = [local.validations[each.value].resource_record_value]
}

resource "aws_acm_certificate_validation" "first" {
  provider = aws.first

  certificate_arn         = aws_acm_certificate.first.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_acm_certificate_validation" "second" {
  provider = aws.second

  certificate_arn         = aws_acm_certificate.second.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}
