# One site, whole. Called once a region, with the same values but for the region.

module "data_plane" {
  source = "../data-plane"

  account_id                  = var.account_id
  region                      = var.region
  peer_region                 = var.peer_region
  initial_state               = var.initial_state
  table_consistency           = var.table_consistency
  domain                      = var.domain
  visibility_seconds          = var.timing.queue_visibility
  processing_deadline_seconds = var.timing.processing_deadline
  archive_expire_days         = var.archive_expire_days
  force_destroy               = !var.deletion_protection
}

module "network" {
  source = "../network"

  name               = "sales"
  region             = var.region
  cidr               = var.network.cidr
  peer_cidr          = var.network.peer_cidr
  zone_count         = var.network.zone_count
  egress             = var.network.egress
  log_retention_days = var.log_retention_days
}

# Issued in modules/global, where the validation of the name that both regions share is written once.
data "aws_acm_certificate" "this" {
  domain      = module.data_plane.hosts.regional
  statuses    = ["ISSUED"]
  most_recent = true
}

module "edge" {
  source = "../edge"

  region              = var.region
  network             = { vpc_id = module.network.vpc_id, subnet_ids = module.network.private_subnet_ids }
  hosts               = module.data_plane.hosts
  zone_id             = var.zone_id
  certificate_arn     = data.aws_acm_certificate.this.arn
  port                = local.ports.api
  throttling          = { rate = var.api.rate, burst = var.api.burst }
  jwt                 = var.api.jwt
  deletion_protection = var.deletion_protection
  log_retention_days  = var.log_retention_days
}

# The load balancer's way to the tasks, on its side; the tasks' side is in the service.
resource "aws_vpc_security_group_egress_rule" "load_balancer_to_api" {
  security_group_id            = module.edge.load_balancer.security_group_id
  description                  = "HTTP to the api's tasks"
  ip_protocol                  = "tcp"
  from_port                    = local.ports.api
  to_port                      = local.ports.api
  referenced_security_group_id = module.api.security_group_id
}

resource "aws_ecs_cluster" "this" {
  name = "sales"

  # Number of running tasks, which scaling on the backlog divides by.
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

module "api" {
  source = "../service"

  name                 = "api"
  region               = var.region
  account_id           = var.account_id
  cluster              = { arn = aws_ecs_cluster.this.arn, name = aws_ecs_cluster.this.name }
  image                = { repository_arn = module.data_plane.arns.api_repository, tag = var.image_tag }
  binary               = "/usr/local/bin/sales-api"
  port                 = local.ports.api
  size                 = { cpu = var.api.cpu, memory = var.api.memory }
  environment          = local.environment.api
  drain_seconds        = var.timing.drain
  stop_timeout_seconds = var.timing.stop_timeout
  network              = local.task_network
  load_balancer        = { target_group_arn = module.edge.target_group_arn, security_group_id = module.edge.load_balancer.security_group_id }
  statements           = local.api_statements
  scaling              = { min = var.api.min, max = var.api.max }
  log_retention_days   = var.log_retention_days

  requests_per_task = {
    target         = var.api.requests_per_task
    resource_label = "${module.edge.load_balancer.arn_suffix}/${module.edge.load_balancer.target_group_suffix}"
  }
}

module "worker" {
  source = "../service"

  name                 = "worker"
  region               = var.region
  account_id           = var.account_id
  cluster              = { arn = aws_ecs_cluster.this.arn, name = aws_ecs_cluster.this.name }
  image                = { repository_arn = module.data_plane.arns.worker_repository, tag = var.image_tag }
  binary               = "/usr/local/bin/sales-worker"
  port                 = local.ports.worker
  size                 = { cpu = var.worker.cpu, memory = var.worker.memory }
  environment          = local.environment.worker
  drain_seconds        = var.timing.drain
  stop_timeout_seconds = var.timing.stop_timeout
  network              = local.task_network
  statements           = local.worker_statements
  scaling              = { min = var.worker.min, max = var.worker.max }
  backlog_per_task     = { target = var.worker.backlog_per_task, queue = module.data_plane.names.queue }
  log_retention_days   = var.log_retention_days
}

module "observability" {
  source = "../observability"

  region      = var.region
  peer_region = var.peer_region
  email       = var.alarm_email

  names = {
    topic              = module.data_plane.names.topic
    queue              = module.data_plane.names.queue
    dead_letter_queues = module.data_plane.names.dead_letter_queues
    bucket             = module.data_plane.names.bucket
    peer_bucket        = module.data_plane.names.peer_bucket
    tables             = [module.data_plane.tables.sales, module.data_plane.tables.idempotency]
    cluster            = aws_ecs_cluster.this.name
    services           = { api = module.api.name, worker = module.worker.name }
    api_id             = module.edge.api_id
    load_balancer      = module.edge.load_balancer.arn_suffix
    target_group       = module.edge.load_balancer.target_group_suffix
  }
}
