output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "subnet_id" {
  description = "Id of the subnet of the scheduler and of clusters. Whatever uses it finds its ways out."
  value       = aws_subnet.public.id
  depends_on  = [aws_route.internet, aws_route_table_association.public, aws_vpc_endpoint.s3]
}

output "security_group_ids" {
  description = "Ids of the security groups by what they are for: scheduler, emr-primary, emr-core."
  value       = { for name, group in aws_security_group.this : name => group.id }
}
