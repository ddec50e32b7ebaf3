variable "name" {
  description = "Name of the instance."
  type        = string
}

variable "region" {
  description = "Region of the bucket, of clusters and of the parameter."
  type        = string
}

variable "bucket" {
  description = "Bucket with the code to run, in init/lakelab.tar.gz."
  type        = string
}

variable "subnet_id" {
  description = "Subnet of the instance."
  type        = string
}

variable "security_group_id" {
  description = "Security group of the instance."
  type        = string
}

variable "instance_profile" {
  description = "Name of its instance profile."
  type        = string
}

variable "instance_type" {
  description = "Type of the instance. Airflow alone takes 1 GB."
  type        = string
  default     = "t3.medium"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[0-9]*[a-z]+$", var.instance_type))
    error_message = "scheduler_instance_type is a type of EC2 instance such as t3.medium."
  }
}

variable "ami" {
  description = "Image of the instance, an Ubuntu; null takes the newest of Ubuntu 24.04 when the instance is made."
  type        = string
  default     = null
  validation {
    condition     = var.ami == null || can(regex("^ami-[0-9a-f]{8,17}$", var.ami))
    error_message = "scheduler_ami is the id of an image, such as ami-0123456789abcdef0."
  }
}

variable "key_name" {
  description = "EC2 key pair for SSH; null for none."
  type        = string
  default     = null
}

variable "docker_username" {
  description = "Account at Docker Hub that has the images lakelab-postgres, lakelab-lab and lakelab-airflow; null builds them on the instance."
  type        = string
  default     = null
}

variable "docker_password" {
  description = "Name of the parameter in Parameter Store (SecureString) that holds that account's token; null for public images."
  type        = string
  default     = null
}

variable "variables_parameter" {
  description = "Name of the parameter in Parameter Store that holds Airflow's variables as JSON."
  type        = string
}

variable "students" {
  description = "Students of the school that the ERP is filled with at its first start."
  type        = number
  default     = 5000
  validation {
    condition     = var.students >= 50 && var.students <= 1000000 && floor(var.students) == var.students
    error_message = "students is a whole number from 50 to 1000000."
  }
}
