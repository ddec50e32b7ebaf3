variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "transient" {
  description = "Whether there is no standing cluster: the DAG transient_unload_erp starts one for each run."
  type        = bool
  default     = false
}

variable "release_label" {
  description = "EMR's release: 5.32.0 or newer of 5, all of 6 from 6.2.0 and of 7."
  type        = string
  default     = "emr-7.13.0"
  validation {
    condition     = can(regex("^emr-(5\\.(3[2-9]|[4-9][0-9])|6\\.([2-9]|1[0-9])|7\\.[0-9]+)\\.[0-9]+$", var.release_label))
    error_message = "emr_release_label is a release such as emr-7.13.0; the oldest are emr-5.32.0 and emr-6.2.0, as instances' metadata is not safe before."
  }
}

variable "instance_type" {
  description = "Type of the one node."
  type        = string
  default     = "m5.xlarge"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[0-9]*[a-z]+$", var.instance_type))
    error_message = "emr_instance_type is a type of EC2 instance such as m5.xlarge."
  }
}

variable "bucket" {
  description = "Bucket of jobs and logs."
  type        = string
}

variable "subnet_id" {
  description = "Subnet of the cluster."
  type        = string
}

variable "primary_security_group_id" {
  description = "Security group of the primary node."
  type        = string
}

variable "core_security_group_id" {
  description = "Security group of other nodes."
  type        = string
}

variable "service_role" {
  description = "Name of the role of EMR's service."
  type        = string
}

variable "instance_profile" {
  description = "Name of the instance profile of the nodes."
  type        = string
}

variable "key_name" {
  description = "EC2 key pair for SSH; null for none."
  type        = string
  default     = null
}

variable "disk_key_arn" {
  description = "KMS key of the nodes' disks; null leaves them as the account has it."
  type        = string
  default     = null
}

variable "idle_hours" {
  description = "Hours without a step after which the cluster ends by itself; 0: never."
  type        = number
  default     = 4
  validation {
    condition     = var.idle_hours == 0 || (var.idle_hours >= 0.1 && var.idle_hours <= 168)
    error_message = "emr_idle_hours is 0, or from 0.1 to 168 hours."
  }
}
