# One site. Everything but the region's name comes from settings.yaml, and CI refuses a difference between the two
# regions' directories.

locals {
  settings = yamldecode(file("${path.module}/../settings.yaml"))
  # The other one.
  peer_region = one(setsubtract(values(local.settings.regions), [var.region]))
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = "sales", Part = var.region, ManagedBy = "terraform" }
  }
}

data "aws_caller_identity" "this" {}

data "aws_route53_zone" "this" {
  name = local.settings.domain
}

module "region" {
  source = "../../../modules/region"

  account_id        = data.aws_caller_identity.this.account_id
  region            = var.region
  peer_region       = local.peer_region
  initial_state     = local.settings.initial_state[var.region]
  image_tag         = local.settings.image_tag
  domain            = local.settings.domain
  zone_id           = data.aws_route53_zone.this.zone_id
  table_consistency = local.settings.table_consistency
  api               = local.settings.api
  worker            = local.settings.worker
  timing            = local.settings.timing
  alarm_email       = local.settings.alarm_email

  deletion_protection = local.settings.deletion_protection

  network = {
    cidr       = local.settings.network.cidrs[var.region]
    peer_cidr  = local.settings.network.cidrs[local.peer_region]
    zone_count = local.settings.network.zone_count
    egress     = local.settings.network.egress
  }
}
