# What belongs to both regions: tables, certificates, images, the operator's role; and, once both sites are there, what
# ties them together. Nothing here is touched in a failover.

module "first" {
  source = "../names"

  account_id        = var.account_id
  region            = var.regions.first
  peer_region       = var.regions.second
  table_consistency = var.table_consistency
  domain            = var.domain
}

module "second" {
  source = "../names"

  account_id        = var.account_id
  region            = var.regions.second
  peer_region       = var.regions.first
  table_consistency = var.table_consistency
  domain            = var.domain
}

module "tables" {
  source    = "../tables"
  providers = { aws.first = aws.first, aws.second = aws.second }

  first_region        = var.regions.first
  second_region       = var.regions.second
  sales_table         = module.first.tables.sales
  idempotency_table   = module.first.tables.idempotency
  outbox_index        = module.first.tables.outbox_index
  consistency         = var.table_consistency
  witness_region      = var.witness_region
  deletion_protection = var.deletion_protection
}

module "links" {
  source    = "../links"
  count     = var.link_regions ? 1 : 0
  providers = { aws.first = aws.first, aws.second = aws.second }

  account_id               = var.account_id
  replication_time_control = var.replication_time_control

  sites = {
    for end, site in { first = module.first, second = module.second } : end => {
      region                 = var.regions[end]
      topic_arn              = site.arns.topic
      queue_arn              = site.arns.queue
      peer_leg_dlq_arn       = site.arns.peer_leg_dlq
      bucket                 = site.bucket
    }
  }
}

module "peering" {
  source    = "../peering"
  count     = var.link_regions && var.network.egress == "endpoints" ? 1 : 0
  providers = { aws.first = aws.first, aws.second = aws.second }

  sites = {
    first  = { region = var.regions.first, cidr = var.network.cidrs.first }
    second = { region = var.regions.second, cidr = var.network.cidrs.second }
  }
}

module "traffic" {
  source    = "../traffic"
  count     = var.link_regions ? 1 : 0
  providers = { aws = aws.us_east_1 }

  zone_id        = var.zone_id
  shared_host    = module.first.hosts.shared
  mode           = var.failover_mode
  primary_region = var.primary_region
  alarm_email    = var.alarm_email

  sites = {
    (var.regions.first)  = { regional_host = module.first.hosts.regional, origin_host = module.first.hosts.origin }
    (var.regions.second) = { regional_host = module.second.hosts.regional, origin_host = module.second.hosts.origin }
  }
}
