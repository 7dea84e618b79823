# What ties the regions together: traffic, operator, images.

mock_provider "aws" {
  alias = "first"

  mock_resource "aws_acm_certificate" {
    defaults = { arn = "arn:aws:acm:sa-east-1:111122223333:certificate/mock" }
  }
}

mock_provider "aws" {
  alias = "second"

  mock_resource "aws_acm_certificate" {
    defaults = { arn = "arn:aws:acm:us-east-1:111122223333:certificate/mock" }
  }
}

mock_provider "aws" {
  alias = "us_east_1"
}

variables {
  account_id          = "111122223333"
  regions             = { first = "sa-east-1", second = "us-east-1" }
  domain              = "sales.example.com"
  zone_id             = "Z0123456789"
  link_regions        = true
  network             = { cidrs = { first = "10.20.0.0/16", second = "10.21.0.0/16" }, egress = "nat" }
  operator_principals = ["arn:aws:iam::111122223333:role/on-call"]

  shared_host = "api.sales.example.com"
  sites = {
    sa-east-1 = { regional_host = "api-sa-east-1.sales.example.com", origin_host = "origin-sa-east-1.sales.example.com" }
    us-east-1 = { regional_host = "api-us-east-1.sales.example.com", origin_host = "origin-us-east-1.sales.example.com" }
  }
}

run "the_operator_may_write_the_two_parameters_and_no_more" {
  command = plan
  module { source = "./modules/global" }
  providers = {
    aws.first     = aws.first
    aws.second    = aws.second
    aws.us_east_1 = aws.us_east_1
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.operator.policy).Statement == [{
      Sid    = "Flip"
      Effect = "Allow"
      Action = ["ssm:GetParameter", "ssm:PutParameter"]
      Resource = [
        "arn:aws:ssm:sa-east-1:111122223333:parameter/sales/sa-east-1/state",
        "arn:aws:ssm:us-east-1:111122223333:parameter/sales/us-east-1/state",
      ]
    }]
    error_message = "The operator's role must read and write the two parameters and nothing else."
  }

  assert {
    condition     = alltrue([for repository in merge({ for k, v in aws_ecr_repository.first : "1${k}" => v }, { for k, v in aws_ecr_repository.second : "2${k}" => v }) : repository.image_tag_mutability == "IMMUTABLE"])
    error_message = "A tag must mean the same image for ever, in both regions."
  }

  assert {
    condition = (
      [for site in output.drctl.sites : site.region] == ["sa-east-1", "us-east-1"]
      && output.drctl.sites[0].env.SQS_SALES_QUEUE == "https://sqs.sa-east-1.amazonaws.com/111122223333/sales-queue"
      && output.drctl.sites[1].env.PEER_REGION == "sa-east-1"
      && output.drctl.sites[1].api_url == "https://api-us-east-1.sales.example.com"
    )
    error_message = "The output drctl must be what `drctl --config` reads."
  }
}

run "drctl_is_told_only_variables_that_the_services_know" {
  command = plan
  module { source = "./modules/global" }
  providers = {
    aws.first     = aws.first
    aws.second    = aws.second
    aws.us_east_1 = aws.us_east_1
  }

  assert {
    condition = alltrue([
      for site in output.drctl.sites : length(setsubtract(keys(site.env), [for variable in jsondecode(file("environment.json")) : variable.name])) == 0
    ])
    error_message = "The output drctl names a variable that no program reads."
  }

  assert {
    condition = alltrue([
      for site in output.drctl.sites : length(setsubtract([for variable in jsondecode(file("environment.json")) : variable.name if variable.required], keys(site.env))) == 0
    ])
    error_message = "The output drctl leaves out a variable that a program requires."
  }
}

run "the_first_apply_needs_no_region" {
  command = plan
  module { source = "./modules/global" }
  providers = {
    aws.first     = aws.first
    aws.second    = aws.second
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    link_regions = false
  }

  assert {
    condition     = length(module.links) == 0 && length(module.traffic) == 0 && length(module.peering) == 0
    error_message = "Before the sites are there, nothing may tie them together."
  }
}

run "nobody_to_flip_is_refused" {
  command = plan
  module { source = "./modules/global" }
  providers = {
    aws.first     = aws.first
    aws.second    = aws.second
    aws.us_east_1 = aws.us_east_1
  }

  variables {
    operator_principals = []
  }

  expect_failures = [var.operator_principals]
}

run "traffic_follows_the_state" {
  command = plan
  module { source = "./modules/traffic" }
  providers = { aws = aws.us_east_1 }

  assert {
    condition = alltrue([
      for region, check in aws_route53_health_check.state :
      check.type == "HTTPS_STR_MATCH" && check.resource_path == "/state" && check.search_string == "\"state\":\"ACTIVE\""
      && check.fqdn == "api-${region}.sales.example.com" && check.invert_healthcheck != true
    ])
    error_message = "Each region must be checked for saying ACTIVE, at its own name."
  }

  assert {
    condition = alltrue([
      for region, record in aws_route53_record.weighted :
      record.name == "api.sales.example.com" && record.ttl <= 60 && record.weighted_routing_policy[0].weight == 100
      && record.records == toset(["origin-${region}.sales.example.com"])
    ]) && length(aws_route53_record.weighted) == 2
    error_message = "Both regions must have the same weight and a short TTL."
  }

  assert {
    condition     = length(aws_route53_record.failover) == 0 && length(aws_route53recoverycontrolconfig_cluster.this) == 0
    error_message = "The other modes must leave nothing behind."
  }

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.active_regions) == ["both-active", "none-active"]
    error_message = "Both regions ACTIVE, and none, must raise an alarm."
  }
}

run "the_standby_takes_over_by_its_own_word" {
  command = plan
  module { source = "./modules/traffic" }
  providers = { aws = aws.us_east_1 }

  variables {
    mode           = "standby-takes-over"
    primary_region = "sa-east-1"
  }

  assert {
    condition     = aws_route53_health_check.standby_not_active[0].fqdn == "api-us-east-1.sales.example.com" && aws_route53_health_check.standby_not_active[0].invert_healthcheck
    error_message = "What ends the primary's record must be the standby saying ACTIVE, and nothing in the primary's region."
  }

  assert {
    condition     = aws_route53_record.failover["sa-east-1"].failover_routing_policy[0].type == "PRIMARY" && aws_route53_record.failover["us-east-1"].failover_routing_policy[0].type == "SECONDARY" && length(aws_route53_record.weighted) == 0
    error_message = "The primary must be answered first."
  }
}

run "arc_keeps_one_region_on" {
  command = plan
  module { source = "./modules/traffic" }
  providers = { aws = aws.us_east_1 }

  variables {
    mode = "arc"
  }

  assert {
    condition     = length(aws_route53recoverycontrolconfig_routing_control.this) == 2 && aws_route53recoverycontrolconfig_safety_rule.one_stays_on[0].rule_config[0].threshold == 1
    error_message = "There must be a switch a region, and the last one must stay on."
  }

  assert {
    condition     = alltrue([for check in aws_route53_health_check.control : check.type == "RECOVERY_CONTROL"]) && length(aws_route53_health_check.state) == 2
    error_message = "Records must follow the switches; the alarms still follow the states."
  }
}

run "an_unknown_mode_is_refused" {
  command = plan
  module { source = "./modules/traffic" }
  providers = { aws = aws.us_east_1 }

  variables {
    mode = "automatic"
  }

  expect_failures = [var.mode]
}

run "a_standby_without_a_primary_is_refused" {
  command = plan
  module { source = "./modules/traffic" }
  providers = { aws = aws.us_east_1 }

  variables {
    mode = "standby-takes-over"
  }

  expect_failures = [var.primary_region]
}
