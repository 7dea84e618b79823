# Each bad value is refused before anything is touched, with a message that says what would be right.

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["zone-a", "zone-b", "zone-c"] }
  }

  mock_data "aws_acm_certificate" {
    defaults = { arn = "arn:aws:acm:sa-east-1:111122223333:certificate/mock" }
  }
}

variables {
  account_id    = "111122223333"
  region        = "sa-east-1"
  peer_region   = "us-east-1"
  topic         = "sales-processing"
  queue         = "sales-queue"
  dlq           = "sales-dlq"
  initial_state = "ACTIVE"
  image_tag     = "v1.2.3"
  domain        = "sales.example.com"
  zone_id       = "Z0123456789"
  network       = { cidr = "10.20.0.0/16", peer_cidr = "10.21.0.0/16" }
}

run "dead_letters_that_do_not_outlive_the_queue" {
  command = plan
  module { source = "./modules/messaging" }
  variables {
    queue_retention_days = 14
  }
  expect_failures = [var.dlq_retention_days]
}

run "a_visibility_below_the_deadline" {
  command = plan
  module { source = "./modules/messaging" }
  variables {
    visibility_seconds = 10
  }
  expect_failures = [var.processing_deadline_seconds]
}

run "a_backstop_that_waiting_could_reach" {
  command = plan
  module { source = "./modules/messaging" }
  variables {
    max_receive_count = 5
  }
  expect_failures = [var.max_receive_count]
}

run "a_drain_that_sigkill_cuts_short" {
  command = plan
  module { source = "./modules/region" }
  variables {
    timing = { drain = 60, stop_timeout = 60 }
  }
  expect_failures = [var.timing]
}

run "a_stop_timeout_that_fargate_does_not_take" {
  command = plan
  module { source = "./modules/region" }
  variables {
    timing = { stop_timeout = 300 }
  }
  expect_failures = [var.timing]
}

run "a_lease_beyond_the_visibility" {
  command = plan
  module { source = "./modules/region" }
  variables {
    timing = { claim_lease = 120 }
  }
  expect_failures = [var.timing]
}

run "a_domain_with_a_dot_at_its_end" {
  command = plan
  module { source = "./modules/region" }
  variables {
    domain = "sales.example.com."
  }
  expect_failures = [var.domain]
}

run "an_account_that_is_none" {
  command = plan
  module { source = "./modules/names" }
  variables {
    account_id = "my-account"
  }
  expect_failures = [var.account_id]
}

run "a_region_that_sns_delivers_from_under_another_name" {
  command = plan
  module { source = "./modules/names" }
  variables {
    region = "af-south-1"
  }
  expect_failures = [var.region]
}

run "two_sites_in_one_region" {
  command = plan
  module { source = "./modules/names" }
  variables {
    peer_region = "sa-east-1"
  }
  expect_failures = [var.peer_region]
}

run "a_moving_image_tag" {
  command = plan
  module { source = "./modules/service" }
  variables {
    name        = "api"
    cluster     = { arn = "arn:aws:ecs:sa-east-1:111122223333:cluster/sales", name = "sales" }
    image       = { repository_arn = "arn:aws:ecr:sa-east-1:111122223333:repository/sales/api", tag = "latest" }
    binary      = "/usr/local/bin/sales-api"
    port        = 8080
    size        = { cpu = 256, memory = 512 }
    environment = {}
    network     = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], egress = { cidrs = {}, prefix_lists = {} } }
    statements  = []
    scaling     = { min = 2, max = 4 }
  }
  expect_failures = [var.image]
}

run "a_role_that_names_nothing" {
  command = plan
  module { source = "./modules/service" }
  variables {
    name        = "api"
    cluster     = { arn = "arn:aws:ecs:sa-east-1:111122223333:cluster/sales", name = "sales" }
    image       = { repository_arn = "arn:aws:ecr:sa-east-1:111122223333:repository/sales/api", tag = "v1" }
    binary      = "/usr/local/bin/sales-api"
    port        = 8080
    size        = { cpu = 256, memory = 512 }
    environment = {}
    network     = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], egress = { cidrs = {}, prefix_lists = {} } }
    statements  = [{ sid = "All", actions = ["sqs:*"], resources = ["*"] }]
    scaling     = { min = 2, max = 4 }
  }
  expect_failures = [var.statements]
}

run "a_size_that_fargate_does_not_offer" {
  command = plan
  module { source = "./modules/service" }
  variables {
    name        = "api"
    cluster     = { arn = "arn:aws:ecs:sa-east-1:111122223333:cluster/sales", name = "sales" }
    image       = { repository_arn = "arn:aws:ecr:sa-east-1:111122223333:repository/sales/api", tag = "v1" }
    binary      = "/usr/local/bin/sales-api"
    port        = 8080
    size        = { cpu = 300, memory = 512 }
    environment = {}
    network     = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], egress = { cidrs = {}, prefix_lists = {} } }
    statements  = []
    scaling     = { min = 1, max = 4 }
  }
  expect_failures = [var.size, var.scaling]
}

run "an_archive_that_forgets_before_the_dead_letters_do" {
  command = plan
  module { source = "./modules/archive" }
  variables {
    bucket      = "sales-archive-111122223333-sa-east-1"
    expire_days = 7
  }
  expect_failures = [var.expire_days]
}
