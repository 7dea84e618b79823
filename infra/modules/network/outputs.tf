output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Subnets of the tasks, one a zone."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
}

output "task_egress" {
  description = "Where tasks may open TLS connections to: address ranges, and prefix lists of the gateway endpoints."
  value = {
    cidrs        = local.nat ? { internet = "0.0.0.0/0" } : { own = var.cidr, peer = var.peer_cidr }
    prefix_lists = { for service, endpoint in aws_vpc_endpoint.gateway : service => endpoint.prefix_list_id }
  }
}
