# The bucket of jobs, stage and logs. It keeps no old versions: a person who is erased has to be gone.
# Its settings are made one after another. S3 may refuse a second one with OperationAborted while it writes the first;
# MinIO writes both into one file and loses the one that came first.

data "aws_partition" "this" {}

resource "aws_s3_bucket" "this" {
  bucket        = var.bucket_name
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_public_access_block.this]
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_ownership_controls.this]
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_server_side_encryption_configuration.this]

  rule {
    id     = "logs-of-clusters"
    status = "Enabled"
    filter {
      prefix = "j-"
    }
    expiration {
      days = var.log_days
    }
  }

  dynamic "rule" {
    for_each = var.upload_days == 0 ? [] : [var.upload_days]
    content {
      id     = "uploads-that-broke-off"
      status = "Enabled"
      filter {
        prefix = ""
      }
      abort_incomplete_multipart_upload {
        days_after_initiation = rule.value
      }
    }
  }
}

data "aws_iam_policy_document" "encrypted_ways" {
  statement {
    sid       = "EncryptedWaysOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["arn:${data.aws_partition.this.partition}:s3:::${var.bucket_name}", "arn:${data.aws_partition.this.partition}:s3:::${var.bucket_name}/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket     = aws_s3_bucket.this.id
  policy     = data.aws_iam_policy_document.encrypted_ways.json
  depends_on = [aws_s3_bucket_lifecycle_configuration.this]
}

resource "aws_s3_object" "files" {
  for_each   = var.files
  bucket     = aws_s3_bucket.this.id
  key        = each.key
  source     = each.value
  etag       = filemd5(each.value)
  depends_on = [aws_s3_bucket_server_side_encryption_configuration.this]
}
