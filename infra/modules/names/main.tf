# Every name and ARN of a site, worked out and never looked up: no state reads another's, so that a region that does
# not answer stands in nobody's way. No resource is declared here.

locals {
  # https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html, the column "Opt-in status".
  regions_enabled_by_default = [
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
    "us-east-1", "us-east-2", "us-west-1", "us-west-2",
  ]

  sales_table       = "sales"
  idempotency_table = "sales-idempotency"
  outbox_index      = "outbox-index"

  topic  = "sales-processing"
  queue  = "sales-queue"
  dlq    = "sales-dlq"
  bucket = "sales-archive-${var.account_id}-${var.region}"
  state  = "/sales/${var.region}/state"

  sqs_base = var.endpoint_url == null ? "https://sqs.${var.region}.amazonaws.com" : var.endpoint_url
}
