# For egress = "endpoints" only: a private way from each site to the other's DynamoDB, where claims on the other's sales
# are decided. Peered VPCs, and in each a private zone in which the other region's DynamoDB is the interface endpoint there.

data "aws_vpc" "first" {
  provider = aws.first
  tags     = { Name = var.vpc_name }
}

data "aws_vpc" "second" {
  provider = aws.second
  tags     = { Name = var.vpc_name }
}

data "aws_route_tables" "first" {
  provider = aws.first
  vpc_id   = data.aws_vpc.first.id
  tags     = { Tier = "private" }
}

data "aws_route_tables" "second" {
  provider = aws.second
  vpc_id   = data.aws_vpc.second.id
  tags     = { Tier = "private" }
}

data "aws_vpc_endpoint" "first" {
  provider = aws.first
  vpc_id   = data.aws_vpc.first.id
  tags     = { Name = "${var.vpc_name}-dynamodb-for-peer" }
}

data "aws_vpc_endpoint" "second" {
  provider = aws.second
  vpc_id   = data.aws_vpc.second.id
  tags     = { Name = "${var.vpc_name}-dynamodb-for-peer" }
}

resource "aws_vpc_peering_connection" "this" {
  provider = aws.first

  vpc_id      = data.aws_vpc.first.id
  peer_vpc_id = data.aws_vpc.second.id
  peer_region = var.sites.second.region
  auto_accept = false

  tags = { Name = var.vpc_name }
}

resource "aws_vpc_peering_connection_accepter" "this" {
  provider = aws.second

  vpc_peering_connection_id = aws_vpc_peering_connection.this.id
  auto_accept               = true

  tags = { Name = var.vpc_name }
}

resource "aws_route" "first_to_second" {
  provider = aws.first
  for_each = toset(data.aws_route_tables.first.ids)

  route_table_id            = each.value
  destination_cidr_block    = var.sites.second.cidr
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.vpc_peering_connection_id
}

resource "aws_route" "second_to_first" {
  provider = aws.second
  for_each = toset(data.aws_route_tables.second.ids)

  route_table_id            = each.value
  destination_cidr_block    = var.sites.first.cidr
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.vpc_peering_connection_id
}

locals {
  # By the region whose tasks resolve the name: the other region's DynamoDB, and the endpoint that answers for it.
  private_names = {
    first = {
      vpc_id = data.aws_vpc.first.id, vpc_region = var.sites.first.region
      name   = "dynamodb.${var.sites.second.region}.amazonaws.com", endpoint = data.aws_vpc_endpoint.second.dns_entry[0]
    }
    second = {
      vpc_id = data.aws_vpc.second.id, vpc_region = var.sites.second.region
      name   = "dynamodb.${var.sites.first.region}.amazonaws.com", endpoint = data.aws_vpc_endpoint.first.dns_entry[0]
    }
  }
}

resource "aws_route53_zone" "peer_dynamodb" {
  #checkov:skip=CKV2_AWS_38: DNSSEC signing is for public zones
  #checkov:skip=CKV2_AWS_39: query logging is for public zones
  provider = aws.first
  for_each = local.private_names

  name    = each.value.name
  comment = "DynamoDB of the other region, for the tasks in ${each.value.vpc_region}"

  vpc {
    vpc_id     = each.value.vpc_id
    vpc_region = each.value.vpc_region
  }
}

resource "aws_route53_record" "peer_dynamodb" {
  #checkov:skip=CKV2_AWS_23: the record leads to an interface endpoint that the regions' own states made
  provider = aws.first
  for_each = local.private_names

  zone_id = aws_route53_zone.peer_dynamodb[each.key].zone_id
  name    = each.value.name
  type    = "A"

  alias {
    name                   = each.value.endpoint.dns_name
    zone_id                = each.value.endpoint.hosted_zone_id
    evaluate_target_health = false
  }
}
