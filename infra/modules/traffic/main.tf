# Which region the shared name leads to. Nothing here is called in a failover: health checks and answers are Route 53's
# data plane, and what they look at is /state, which the operator's parameter decides.

locals {
  # Exactly what /state answers, byte for byte, when the region is ACTIVE.
  active_text = "\"state\":\"ACTIVE\""

  standby_region = one([for region in keys(var.sites) : region if region != var.primary_region && var.primary_region != null])

  # What a region's weighted record depends on.
  weighted_checks = {
    follow-state       = { for region, check in aws_route53_health_check.state : region => check.id }
    arc                = { for region, check in aws_route53_health_check.control : region => check.id }
    standby-takes-over = {}
  }
}

# In every mode: what the regions say, for the records or at least for the alarms.
resource "aws_route53_health_check" "state" {
  for_each = var.sites

  type              = "HTTPS_STR_MATCH"
  fqdn              = each.value.regional_host
  port              = 443
  resource_path     = "/state"
  search_string     = local.active_text
  request_interval  = var.check_interval_seconds
  failure_threshold = 2
  enable_sni        = true

  tags = { Name = "sales-active-${each.key}" }
}

# Both regions with the same weight: a healthy one is answered, and with one ACTIVE that is the one. Where neither is
# healthy Route 53 takes both for healthy: sales go to either, wait in the outbox and the queues, and none is lost.
resource "aws_route53_record" "weighted" {
  for_each = var.mode == "standby-takes-over" ? {} : var.sites

  zone_id         = var.zone_id
  name            = var.shared_host
  type            = "CNAME"
  ttl             = var.record_ttl_seconds
  records         = [each.value.origin_host]
  set_identifier  = each.key
  health_check_id = local.weighted_checks[var.mode][each.key]

  weighted_routing_policy {
    weight = 100
  }
}

# The standby says ACTIVE: this check fails, and with it the primary's record. A standby that is down cannot say so, and
# a primary that is down changes nothing by itself: the traffic moves by the operator's word in the surviving region.
resource "aws_route53_health_check" "standby_not_active" {
  count = var.mode == "standby-takes-over" ? 1 : 0

  type               = "HTTPS_STR_MATCH"
  fqdn               = var.sites[local.standby_region].regional_host
  port               = 443
  resource_path      = "/state"
  search_string      = local.active_text
  request_interval   = var.check_interval_seconds
  failure_threshold  = 2
  enable_sni         = true
  invert_healthcheck = true

  tags = { Name = "sales-standby-not-active-${local.standby_region}" }
}

resource "aws_route53_record" "failover" {
  for_each = var.mode == "standby-takes-over" ? var.sites : {}

  zone_id         = var.zone_id
  name            = var.shared_host
  type            = "CNAME"
  ttl             = var.record_ttl_seconds
  records         = [each.value.origin_host]
  set_identifier  = each.key
  health_check_id = each.key == var.primary_region ? aws_route53_health_check.standby_not_active[0].id : null

  failover_routing_policy {
    type = each.key == var.primary_region ? "PRIMARY" : "SECONDARY"
  }
}
