output "bucket" {
  description = "Name of the bucket. Whatever uses it finds the files in it."
  value       = aws_s3_bucket.this.id
  depends_on  = [aws_s3_object.files, aws_s3_bucket_policy.this]
}

output "keys" {
  description = "Keys of the files that were copied into it."
  value       = sort(keys(aws_s3_object.files))
}
