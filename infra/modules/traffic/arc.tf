# mode = "arc": Application Recovery Controller. A switch a region, kept in five regions, turned by the cluster's own
# endpoints. Turning it is a second act beside the flip of the parameter.

locals {
  arc = var.mode == "arc"
}

resource "aws_route53recoverycontrolconfig_cluster" "this" {
  count = local.arc ? 1 : 0

  name = "sales"
}

resource "aws_route53recoverycontrolconfig_control_panel" "this" {
  count = local.arc ? 1 : 0

  name        = "sales"
  cluster_arn = aws_route53recoverycontrolconfig_cluster.this[0].arn
}

resource "aws_route53recoverycontrolconfig_routing_control" "this" {
  for_each = local.arc ? var.sites : {}

  name              = "sales-${each.key}"
  cluster_arn       = aws_route53recoverycontrolconfig_cluster.this[0].arn
  control_panel_arn = aws_route53recoverycontrolconfig_control_panel.this[0].arn
}

# Turning the last one off by mistake is refused.
resource "aws_route53recoverycontrolconfig_safety_rule" "one_stays_on" {
  count = local.arc ? 1 : 0

  name              = "sales-one-stays-on"
  control_panel_arn = aws_route53recoverycontrolconfig_control_panel.this[0].arn
  asserted_controls = [for control in aws_route53recoverycontrolconfig_routing_control.this : control.arn]
  wait_period_ms    = 5000

  rule_config {
    type      = "ATLEAST"
    threshold = 1
    inverted  = false
  }
}

resource "aws_route53_health_check" "control" {
  for_each = local.arc ? var.sites : {}

  type                = "RECOVERY_CONTROL"
  routing_control_arn = aws_route53recoverycontrolconfig_routing_control.this[each.key].arn

  tags = { Name = "sales-control-${each.key}" }
}
