# The way in, and the way out.

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["zone-a", "zone-b", "zone-c", "zone-d"] }
  }
}

variables {
  name            = "sales"
  region          = "sa-east-1"
  cidr            = "10.20.0.0/16"
  peer_cidr       = "10.21.0.0/16"
  network         = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
  hosts           = { shared = "api.sales.example.com", regional = "api-sa-east-1.sales.example.com", origin = "origin-sa-east-1.sales.example.com" }
  zone_id         = "Z0123456789"
  certificate_arn = "arn:aws:acm:sa-east-1:111122223333:certificate/mock"
  port            = 8080
}

run "only_public_routes_are_routed" {
  command = plan
  module { source = "./modules/edge" }

  assert {
    condition     = setunion(keys(aws_apigatewayv2_route.sales), keys(aws_apigatewayv2_route.open)) == toset(["POST /sales", "GET /sales/{id}", "DELETE /sales/{id}", "GET /state", "GET /healthcheck"])
    error_message = "The API must carry these routes and no others: /metrics is not public."
  }

  assert {
    condition     = aws_apigatewayv2_api.this.disable_execute_api_endpoint && aws_lb.api.internal
    error_message = "There must be one way in, by the custom domain."
  }

  assert {
    condition     = aws_apigatewayv2_integration.api.tls_config[0].server_name_to_verify == "api-sa-east-1.sales.example.com" && aws_lb_listener.https.protocol == "HTTPS"
    error_message = "The VPC link must speak TLS to the load balancer and check its name."
  }
}

run "a_token_is_asked_for_where_an_issuer_is_named" {
  command = plan
  module { source = "./modules/edge" }

  variables {
    jwt = { issuer = "https://login.example.com/", audience = ["sales"] }
  }

  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.sales : route.authorization_type == "JWT"])
    error_message = "With an issuer, every route of /sales must ask for a token."
  }

  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.open : route.authorization_type == "NONE"])
    error_message = "/state stays open: a DNS health check has no token."
  }
}

run "an_issuer_without_tls_is_refused" {
  command = plan
  module { source = "./modules/edge" }

  variables {
    jwt = { issuer = "http://login.example.com/", audience = ["sales"] }
  }

  expect_failures = [var.jwt]
}

run "with_nat_every_zone_has_its_own_gateway" {
  command = plan
  module { source = "./modules/network" }

  variables {
    egress = "nat"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_route.nat) == 3 && length(aws_vpc_endpoint.interface) == 0
    error_message = "Three zones need three NAT gateways and no interface endpoint."
  }

  assert {
    condition     = keys(aws_vpc_endpoint.gateway) == ["dynamodb", "s3"]
    error_message = "S3 and DynamoDB go through gateway endpoints either way."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : subnet.map_public_ip_on_launch != true])
    error_message = "Tasks' subnets must not hand out public addresses."
  }
}

run "with_endpoints_there_is_no_way_to_the_internet" {
  command = plan
  module { source = "./modules/network" }

  variables {
    egress     = "endpoints"
    zone_count = 2
  }

  assert {
    condition     = length(aws_internet_gateway.this) == 0 && length(aws_nat_gateway.this) == 0 && length(aws_subnet.public) == 0 && length(aws_subnet.private) == 2
    error_message = "With endpoints there must be no internet gateway, NAT gateway or public subnet."
  }

  assert {
    condition     = keys(aws_vpc_endpoint.interface) == ["ecr.api", "ecr.dkr", "logs", "sns", "sqs", "ssm"]
    error_message = "Everything that the tasks call must have its endpoint."
  }

  assert {
    condition     = aws_vpc_endpoint.dynamodb_for_peer[0].private_dns_enabled == false && aws_vpc_security_group_ingress_rule.endpoints["peer"].cidr_ipv4 == "10.21.0.0/16"
    error_message = "The other site must reach this region's DynamoDB, and this one must keep its gateway endpoint."
  }

  assert {
    condition     = !contains(values(output.task_egress.cidrs), "0.0.0.0/0")
    error_message = "Tasks must not be allowed to connect anywhere."
  }
}

run "a_public_address_range_is_refused" {
  command = plan
  module { source = "./modules/network" }

  variables {
    cidr = "8.8.0.0/16"
  }

  expect_failures = [var.cidr]
}

run "one_zone_is_refused" {
  command = plan
  module { source = "./modules/network" }

  variables {
    zone_count = 1
  }

  expect_failures = [var.zone_count]
}

run "an_unknown_way_out_is_refused" {
  command = plan
  module { source = "./modules/network" }

  variables {
    egress = "none"
  }

  expect_failures = [var.egress]
}

run "two_sites_with_one_address_range_are_refused" {
  command = plan
  module { source = "./modules/network" }

  variables {
    peer_cidr = "10.20.0.0/16"
  }

  expect_failures = [var.peer_cidr]
}
