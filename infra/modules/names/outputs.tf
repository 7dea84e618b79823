output "tables" {
  description = "Names of the tables and of the outbox index; the same in both regions."
  value = {
    sales        = local.sales_table
    idempotency  = local.idempotency_table
    outbox_index = local.outbox_index
  }
}

output "topic" {
  description = "Name of the topic of sale events."
  value       = local.topic
}

output "queue" {
  description = "Name of the queue of sale events."
  value       = local.queue
}

output "dlq" {
  description = "Name of the queue of parked sales."
  value       = local.dlq
}

output "bucket" {
  description = "Name of the archive bucket."
  value       = local.bucket
}

output "peer_bucket" {
  description = "Name of the other site's archive bucket."
  value       = "sales-archive-${var.account_id}-${var.peer_region}"
}

output "state_parameter" {
  description = "Name of the parameter that declares the site's state."
  value       = local.state
}

output "repositories" {
  description = "Names of the image repositories."
  value       = { api = "sales/api", worker = "sales/worker" }
}

output "hosts" {
  description = "Public names: `shared` moves with the state, `regional` always means this site, `origin` is what `shared` answers with for this site."
  value = var.domain == null ? null : {
    shared   = "api.${var.domain}"
    regional = "api-${var.region}.${var.domain}"
    origin   = "origin-${var.region}.${var.domain}"
  }
}

output "arns" {
  description = "ARNs of what the site's services touch, here and at the peer."
  value = {
    sales             = "arn:aws:dynamodb:${var.region}:${var.account_id}:table/${local.sales_table}"
    outbox_index      = "arn:aws:dynamodb:${var.region}:${var.account_id}:table/${local.sales_table}/index/${local.outbox_index}"
    idempotency       = "arn:aws:dynamodb:${var.region}:${var.account_id}:table/${local.idempotency_table}"
    peer_sales        = "arn:aws:dynamodb:${var.peer_region}:${var.account_id}:table/${local.sales_table}"
    peer_idempotency  = "arn:aws:dynamodb:${var.peer_region}:${var.account_id}:table/${local.idempotency_table}"
    topic             = "arn:aws:sns:${var.region}:${var.account_id}:${local.topic}"
    peer_topic        = "arn:aws:sns:${var.peer_region}:${var.account_id}:${local.topic}"
    queue             = "arn:aws:sqs:${var.region}:${var.account_id}:${local.queue}"
    peer_queue        = "arn:aws:sqs:${var.peer_region}:${var.account_id}:${local.queue}"
    peer_leg_dlq      = "arn:aws:sqs:${var.region}:${var.account_id}:${local.topic}-to-${var.peer_region}-dlq"
    dlq               = "arn:aws:sqs:${var.region}:${var.account_id}:${local.dlq}"
    bucket            = "arn:aws:s3:::${local.bucket}"
    state_parameter   = "arn:aws:ssm:${var.region}:${var.account_id}:parameter${local.state}"
    api_repository    = "arn:aws:ecr:${var.region}:${var.account_id}:repository/sales/api"
    worker_repository = "arn:aws:ecr:${var.region}:${var.account_id}:repository/sales/worker"
  }
}

output "environment" {
  description = "The resource variables of the services' environment, and of `drctl --config`."
  value = merge(
    {
      AWS_REGION                     = var.region
      PEER_REGION                    = var.peer_region
      DYNAMO_SALES_TABLE             = local.sales_table
      DYNAMO_SALES_IDEMPOTENCY_TABLE = local.idempotency_table
      DYNAMO_TABLE_CONSISTENCY       = var.table_consistency
      SNS_SALES_PROCESSING_TOPIC     = "arn:aws:sns:${var.region}:${var.account_id}:${local.topic}"
      SSM_PARAMETER_STORE_STATE      = local.state
      SQS_SALES_QUEUE                = "${local.sqs_base}/${var.account_id}/${local.queue}"
      SQS_SALES_DLQ                  = "${local.sqs_base}/${var.account_id}/${local.dlq}"
      S3_SALES_BUCKET                = local.bucket
    },
    var.endpoint_url == null ? {} : { AWS_ENDPOINT_URL = var.endpoint_url },
  )
}
