# Image repositories in both regions: images are pushed to the first, ECR copies them to the second, and each region
# pulls from its own, so that tasks start there while the other is dark. A tag is written once and never moved.

locals {
  repositories   = toset(values(module.first.repositories))
  kept_images    = 50
  repository_own = "sales/"

  keep_recent = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the last ${local.kept_images} images"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = local.kept_images }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_repository" "first" {
  provider = aws.first
  for_each = local.repositories

  name                 = each.value
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_repository" "second" {
  provider = aws.second
  for_each = local.repositories

  name                 = each.value
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "first" {
  provider = aws.first
  for_each = aws_ecr_repository.first

  repository = each.value.name
  policy     = local.keep_recent
}

resource "aws_ecr_lifecycle_policy" "second" {
  provider = aws.second
  for_each = aws_ecr_repository.second

  repository = each.value.name
  policy     = local.keep_recent
}

# One such configuration an account and region. If yours has one already, add this rule there and remove it here.
resource "aws_ecr_replication_configuration" "this" {
  provider = aws.first

  replication_configuration {
    rule {
      destination {
        region      = var.regions.second
        registry_id = var.account_id
      }

      repository_filter {
        filter      = local.repository_own
        filter_type = "PREFIX_MATCH"
      }
    }
  }

  depends_on = [aws_ecr_repository.second]
}
