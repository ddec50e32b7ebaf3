# AWS; or, with an endpoint, the lab: all services at one address, S3 with the bucket's name in the path.
provider "aws" {
  region                      = var.region
  s3_use_path_style           = var.endpoint != null
  skip_metadata_api_check     = var.endpoint != null
  skip_region_validation      = var.endpoint != null
  skip_credentials_validation = var.endpoint != null

  dynamic "endpoints" {
    for_each = var.endpoint == null ? [] : [var.endpoint]
    content {
      budgets = endpoints.value
      ec2     = endpoints.value
      emr     = endpoints.value
      iam     = endpoints.value
      kms     = endpoints.value
      s3      = endpoints.value
      ssm     = endpoints.value
      sts     = endpoints.value
    }
  }

  default_tags {
    tags = merge({ project = var.name }, var.tags)
  }
}
