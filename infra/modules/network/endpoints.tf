# egress = "endpoints": what the tasks call, each behind an interface endpoint, and no way to the internet at all.

locals {
  interface_services = var.egress == "endpoints" ? toset(["ecr.api", "ecr.dkr", "logs", "sns", "sqs", "ssm"]) : toset([])
}

resource "aws_security_group" "endpoints" {
  count = local.nat ? 0 : 1

  name        = "${var.name}-endpoints"
  description = "Interface endpoints: TLS from the tasks, and to DynamoDB from the other site"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each = local.nat ? {} : { own = var.cidr, peer = var.peer_cidr }

  security_group_id = aws_security_group.endpoints[0].id
  description       = "TLS from the VPC of the ${each.key} site"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.value
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interface_services

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]

  tags = { Name = "${var.name}-${each.value}" }
}

# For the other site, not for this one: its worker decides claims at this region's DynamoDB when the sale is owned here,
# and a gateway endpoint cannot be reached across a peering. This region's own tasks keep the gateway endpoint, which is
# why private DNS is off.
resource "aws_vpc_endpoint" "dynamodb_for_peer" {
  count = local.nat ? 0 : 1

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.dynamodb"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = false
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]

  tags = { Name = "${var.name}-dynamodb-for-peer" }

  # DynamoDB wants its gateway endpoint to be there before an interface endpoint.
  depends_on = [aws_vpc_endpoint.gateway]
}
