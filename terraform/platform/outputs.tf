output "bucket_name" {
  description = "The bucket of jobs, stage and logs."
  value       = module.storage.bucket
}

output "emr_cluster_id" {
  description = "The standing cluster; null in transient mode."
  value       = module.emr.cluster_id
}

output "variables_parameter" {
  description = "Where Airflow's variables are, in Parameter Store."
  value       = aws_ssm_parameter.airflow_variables.name
}

output "scheduler" {
  description = "Instance of the ERP and Airflow."
  value       = module.erp_scheduler.instance_id
}

output "open_airflow" {
  description = "Command that brings Airflow's pages to http://127.0.0.1:8080; its password is in /etc/lakelab/secrets of the instance."
  value       = "aws ssm start-session --region ${var.region} --target ${module.erp_scheduler.instance_id} --document-name AWS-StartPortForwardingSession --parameters portNumber=8080,localPortNumber=8080"
}

output "ssh" {
  description = "Command that logs in by SSH; null without key_name."
  value       = var.key_name == null ? null : "ssh -i ${coalesce(var.key_path, "~/.ssh/${var.key_name}.pem")} ubuntu@${module.erp_scheduler.public_ip}"
}
