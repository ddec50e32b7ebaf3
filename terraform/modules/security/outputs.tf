output "emr_service_role" {
  description = "Name of the role of EMR's service."
  value       = local.service_role
  depends_on  = [aws_iam_role_policy.own, aws_iam_role_policy_attachment.managed]
}

output "emr_instance_profile" {
  description = "Name of the instance profile of the nodes of clusters."
  value       = local.node_profile
  depends_on  = [aws_iam_role_policy.own, aws_iam_role_policy_attachment.managed]
}

output "scheduler_profile" {
  description = "Name of the instance profile of the scheduler."
  value       = aws_iam_instance_profile.this["scheduler"].name
  depends_on  = [aws_iam_role_policy.own, aws_iam_role_policy_attachment.managed]
}

output "disk_key_arn" {
  description = "ARN of the key of the disks; null where they are not encrypted."
  value       = one(aws_kms_key.disks[*].arn)
}

output "policies" {
  description = "The policies of our own, by role, as JSON."
  value       = { for role in keys(local.roles) : role => local.own_policies[role] }
}
