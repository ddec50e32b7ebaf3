output "cluster_id" {
  description = "Id of the standing cluster; null without one."
  value       = one(aws_emr_cluster.this[*].id)
}

output "primary_dns" {
  description = "Name of the cluster's primary node; null without one."
  value       = one(aws_emr_cluster.this[*].master_public_dns)
}

output "security_configuration" {
  description = "Name of the security configuration, for clusters that the DAG starts."
  value       = aws_emr_security_configuration.this.name
}
