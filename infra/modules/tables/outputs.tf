output "names" {
  description = "Names of the tables, once both replicas are there."
  value       = { sales = var.sales_table, idempotency = var.idempotency_table }
  depends_on = [
    aws_dynamodb_table_replica.sales, aws_dynamodb_table_replica.idempotency, aws_cloudcontrolapi_resource.strong,
  ]
}

output "witness_region" {
  description = "Region of the witness of strong tables, else null."
  value       = local.eventual ? null : local.witness
}

output "ttl_attribute" {
  description = "Attribute that DynamoDB expires idempotency records by."
  value       = local.ttl_attribute
}
