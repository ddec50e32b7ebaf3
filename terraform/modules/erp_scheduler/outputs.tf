output "instance_id" {
  description = "Id of the instance, for Session Manager."
  value       = aws_instance.this.id
}

output "public_ip" {
  description = "Its public address, for SSH where that is asked for."
  value       = aws_instance.this.public_ip
}
