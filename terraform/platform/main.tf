# The whole platform: what the lab runs on a laptop, on AWS. Applied to AWS and to the lab's endpoint as it is here.

locals {
  root = "${path.module}/../.."
  files = merge(
    { for name in fileset("${local.root}/spark-jobs", "*.py") : "spark/${name}" => "${local.root}/spark-jobs/${name}" },
    { for name in fileset("${local.root}/hive", "**/*.{sh,hql,sql}") : "hive/${name}" => "${local.root}/hive/${name}" },
    {
      "spark/lakelab.zip"   = "${var.package_folder}/lakelab.zip"
      "init/lakelab.tar.gz" = "${var.package_folder}/lakelab.tar.gz"
      "init/bootstrap.sh"   = "${path.module}/../modules/emr/files/bootstrap.sh"
    },
  )
  variables_parameter = "/${var.name}/airflow_variables"
}

module "network" {
  source            = "../modules/network"
  name              = var.name
  region            = var.region
  availability_zone = var.availability_zone
  vpc_cidr          = var.vpc_cidr
  subnet_cidr       = var.subnet_cidr
  operator_cidrs    = var.operator_cidrs
  ssh               = var.key_name != null
}

module "storage" {
  source        = "../modules/storage"
  bucket_name   = var.bucket_name
  files         = local.files
  force_destroy = var.force_destroy
  log_days      = var.log_days
  upload_days   = var.upload_days
}

module "security" {
  source               = "../modules/security"
  name                 = var.name
  bucket_name          = var.bucket_name
  emr_service_role     = var.emr_service_role
  emr_instance_profile = var.emr_instance_profile
  encrypt_disks        = var.encrypt_disks
  parameters           = concat([local.variables_parameter], var.docker_password == null ? [] : [var.docker_password])
}

module "emr" {
  source                    = "../modules/emr"
  name                      = var.name
  transient                 = var.transient
  release_label             = var.emr_release_label
  instance_type             = var.emr_instance_type
  idle_hours                = var.emr_idle_hours
  bucket                    = module.storage.bucket
  subnet_id                 = module.network.subnet_id
  primary_security_group_id = module.network.security_group_ids["emr-primary"]
  core_security_group_id    = module.network.security_group_ids["emr-core"]
  service_role              = module.security.emr_service_role
  instance_profile          = module.security.emr_instance_profile
  disk_key_arn              = module.security.disk_key_arn
  key_name                  = var.key_name
}

module "erp_scheduler" {
  source              = "../modules/erp_scheduler"
  name                = "${var.name}-scheduler"
  region              = var.region
  bucket              = module.storage.bucket
  subnet_id           = module.network.subnet_id
  security_group_id   = module.network.security_group_ids["scheduler"]
  instance_profile    = module.security.scheduler_profile
  instance_type       = var.scheduler_instance_type
  ami                 = var.scheduler_ami
  key_name            = var.key_name
  docker_username     = var.docker_username
  docker_password     = var.docker_password
  students            = var.students
  variables_parameter = local.variables_parameter
}

# What Airflow needs to know of the rest: the scheduler reads it again every two minutes. A new cluster is no reason for
# a new instance.
resource "aws_ssm_parameter" "airflow_variables" {
  name = local.variables_parameter
  type = "String" # nothing of it is secret
  value = jsonencode({ for name, value in {
    bucket_name                = module.storage.bucket
    emr_cluster_id             = module.emr.cluster_id
    hiveserver2_host           = module.emr.primary_dns
    emr_poll_seconds           = "30"
    emr_release_label          = var.emr_release_label
    emr_instance_type          = var.emr_instance_type
    emr_subnet_id              = module.network.subnet_id
    emr_service_role           = module.security.emr_service_role
    emr_instance_profile       = module.security.emr_instance_profile
    emr_primary_security_group = module.network.security_group_ids["emr-primary"]
    emr_core_security_group    = module.network.security_group_ids["emr-core"]
    emr_security_configuration = module.emr.security_configuration
  } : name => value if value != null })
}

# Of the whole account: a budget of one project's tag would see nothing before somebody activates the tag for billing.
resource "aws_budgets_budget" "month" {
  name         = "${var.name}-month"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = format("%.1f", var.monthly_budget)
  limit_unit   = "USD"

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }
    content {
      notification_type          = notification.key
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = [var.alert_email]
    }
  }
}
