# The modules, each on its own, with a provider that makes nothing up but ids: what they plan, and what they refuse.

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/1" }
  }
}

# What all modules take. A run tells only what is special about it.
variables {
  name                      = "t"
  region                    = "eu-west-1"
  availability_zone         = "eu-west-1a"
  vpc_cidr                  = "10.0.0.0/24"
  subnet_cidr               = "10.0.0.0/26"
  bucket_name               = "some-bucket"
  bucket                    = "some-bucket"
  subnet_id                 = "subnet-1"
  primary_security_group_id = "sg-1"
  core_security_group_id    = "sg-2"
  service_role              = "service"
  instance_profile          = "nodes"
}

run "network_lets_nobody_in" {
  command = plan
  module { source = "../modules/network" }
  assert {
    condition     = aws_subnet.public.cidr_block == "10.0.0.0/26" && aws_subnet.public.availability_zone == "eu-west-1a"
    error_message = "The subnet is not the one that was asked for."
  }
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 0
    error_message = "SSH is open though nobody asked for it."
  }
}

run "network_opens_ssh_to_operators" {
  command = plan
  module { source = "../modules/network" }
  variables {
    operator_cidrs = ["203.0.113.7/32"]
    ssh            = true
  }
  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.ssh : rule.cidr_ipv4]) == toset(["203.0.113.7/32"])
    error_message = "SSH is not open to the operator alone."
  }
}

run "network_refuses_the_world" {
  command = plan
  module { source = "../modules/network" }
  variables {
    operator_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.operator_cidrs]
}

run "network_refuses_a_wrong_cidr" {
  command = plan
  module { source = "../modules/network" }
  variables {
    vpc_cidr = "10.0.0.300/24"
  }
  expect_failures = [var.vpc_cidr]
}

run "network_refuses_a_subnet_elsewhere" {
  command = plan
  module { source = "../modules/network" }
  variables {
    subnet_cidr = "10.0.1.0/26"
  }
  expect_failures = [var.subnet_cidr]
}

run "network_refuses_a_zone_that_the_region_lacks" {
  command = plan
  module { source = "../modules/network" }
  variables {
    availability_zone = "eu-west-1f"
  }
  expect_failures = [aws_vpc.this]
}

run "storage_is_closed_and_encrypted" {
  command = plan
  module { source = "../modules/storage" }
  variables {
    files = { "init/x" = "main.tf" }
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "The bucket could be made public."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "The bucket is not encrypted."
  }
  assert {
    condition     = aws_s3_bucket.this.force_destroy == false && keys(aws_s3_object.files) == ["init/x"]
    error_message = "The bucket would be deleted with its content, or lacks the file."
  }
}

run "storage_refuses_a_name" {
  command = plan
  module { source = "../modules/storage" }
  variables { bucket_name = "Not_A_Bucket" }
  expect_failures = [var.bucket_name]
}

run "storage_refuses_a_file_that_is_not_there" {
  command = plan
  module { source = "../modules/storage" }
  variables {
    files = { "x" = "no/such/file" }
  }
  expect_failures = [var.files]
}

run "security_makes_three_roles" {
  command = plan
  module { source = "../modules/security" }
  assert {
    condition     = toset([for role in aws_iam_role.this : role.name]) == toset(["t-scheduler", "t-emr-service", "t-emr-nodes"])
    error_message = "Not the three roles."
  }
}

run "security_takes_existing_roles" {
  command = plan
  module { source = "../modules/security" }
  variables {
    emr_service_role     = "EMR_DefaultRole"
    emr_instance_profile = "EMR_EC2_DefaultRole"
  }
  assert {
    condition     = keys(aws_iam_role.this) == ["scheduler"] && output.emr_service_role == "EMR_DefaultRole" && output.emr_instance_profile == "EMR_EC2_DefaultRole"
    error_message = "Existing roles are not used."
  }
}

run "scheduler_is_guarded" {
  command = plan
  module { source = "../modules/erp_scheduler" }
  variables {
    security_group_id   = "sg-1"
    instance_profile    = "t-scheduler"
    ami                 = "ami-0123456789abcdef0"
    variables_parameter = "/t/airflow_variables"
  }
  assert {
    condition     = one(aws_instance.this.metadata_options).http_tokens == "required" && one(aws_instance.this.root_block_device).encrypted
    error_message = "Metadata or disk are not safe."
  }
}

run "emr_is_one_node_of_the_release" {
  command = plan
  module { source = "../modules/emr" }
  variables {
    release_label = "emr-5.32.0"
    idle_hours    = 0
  }
  assert {
    condition     = aws_emr_cluster.this[0].release_label == "emr-5.32.0" && one(aws_emr_cluster.this[0].master_instance_group).instance_count == 1 && length(aws_emr_cluster.this[0].core_instance_group) == 0
    error_message = "Not one node of the original's release."
  }
  assert {
    condition     = aws_emr_cluster.this[0].applications == toset(["Hadoop", "Hive", "Hue", "Spark"]) && aws_emr_cluster.this[0].log_uri == "s3://some-bucket/"
    error_message = "Not the original's applications or log address."
  }
}

run "emr_transient_has_no_cluster" {
  command = plan
  module { source = "../modules/emr" }
  variables {
    transient = true
  }
  assert {
    condition     = length(aws_emr_cluster.this) == 0 && output.cluster_id == null
    error_message = "A cluster stands in transient mode."
  }
}

run "emr_refuses_a_release" {
  command = plan
  module { source = "../modules/emr" }
  variables {
    release_label = "emr-5.20.0"
  }
  expect_failures = [var.release_label]
}
