# A cluster of one node, with folders and tables made; or only what the DAG needs to start one.

data "aws_region" "here" {}

locals {
  encrypted    = var.disk_key_arn != null
  idle_seconds = floor(var.idle_hours * 3600)
}

resource "aws_emr_security_configuration" "this" {
  name = var.name
  configuration = jsonencode(merge(
    { InstanceMetadataServiceConfiguration = { MinimumInstanceMetadataServiceVersion = 2, HttpPutResponseHopLimit = 1 } },
    {
      EncryptionConfiguration = merge(
        { EnableInTransitEncryption = false, EnableAtRestEncryption = true },
        {
          AtRestEncryptionConfiguration = merge(
            { S3EncryptionConfiguration = { EncryptionMode = "SSE-S3" } },
            local.encrypted ? {
              LocalDiskEncryptionConfiguration = { EncryptionKeyProviderType = "AwsKms", AwsKmsKey = var.disk_key_arn, EnableEbsEncryption = true }
            } : {},
          )
        },
      )
    },
  ))
}

resource "aws_emr_cluster" "this" {
  count                  = var.transient ? 0 : 1
  name                   = var.name
  release_label          = var.release_label
  applications           = ["Hadoop", "Hive", "Hue", "Spark"]
  service_role           = var.service_role
  log_uri                = "s3://${var.bucket}/"
  security_configuration = aws_emr_security_configuration.this.name

  keep_job_flow_alive_when_no_steps = true
  termination_protection            = false
  step_concurrency_level            = 1

  ec2_attributes {
    subnet_id                         = var.subnet_id
    instance_profile                  = var.instance_profile
    key_name                          = var.key_name
    emr_managed_master_security_group = var.primary_security_group_id
    emr_managed_slave_security_group  = var.core_security_group_id
  }

  master_instance_group {
    name           = "primary"
    instance_type  = var.instance_type
    instance_count = 1
    ebs_config {
      type                 = "gp3"
      size                 = 64
      volumes_per_instance = 1
    }
  }

  dynamic "auto_termination_policy" {
    for_each = local.idle_seconds == 0 ? [] : [local.idle_seconds]
    content {
      idle_timeout = auto_termination_policy.value
    }
  }

  bootstrap_action {
    name = "Tell what the node is"
    path = "s3://${var.bucket}/init/bootstrap.sh"
    args = [var.release_label]
  }

  step {
    name              = "Make the HDFS folders"
    action_on_failure = "TERMINATE_CLUSTER"
    hadoop_jar_step {
      jar  = "s3://${data.aws_region.here.name}.elasticmapreduce/libs/script-runner/script-runner.jar"
      args = ["s3://${var.bucket}/hive/0_mkdirs_hdfs.sh"]
    }
  }

  step {
    name              = "Make the Hive tables"
    action_on_failure = "TERMINATE_CLUSTER"
    hadoop_jar_step {
      jar  = "command-runner.jar"
      args = ["hive-script", "--run-hive-script", "--args", "-f", "s3://${var.bucket}/hive/1_tables.hql"]
    }
  }

  tags = { "for-use-with-amazon-emr-managed-policies" = "true" }

  lifecycle {
    # Airflow adds steps: they are no reason for a new cluster.
    ignore_changes = [step]
  }
}
