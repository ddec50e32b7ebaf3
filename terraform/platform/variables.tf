# What has to be given.

variable "bucket_name" {
  description = "Name of the bucket of jobs, stage and logs: unique in all of AWS."
  type        = string
}

variable "alert_email" {
  description = "Whom AWS writes to when the month's bill nears monthly_budget."
  type        = string
  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alert_email))
    error_message = "alert_email is an e-mail address: AWS writes there before a forgotten cluster costs more than monthly_budget."
  }
}

# Where.

variable "endpoint" {
  description = "Address of the lab's AWS endpoint, such as http://127.0.0.1:4566; null is AWS itself."
  type        = string
  default     = null
  validation {
    condition     = var.endpoint == null || can(regex("^https?://[^/]+$", var.endpoint))
    error_message = "endpoint is a scheme, a host and a port, such as http://127.0.0.1:4566."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region of AWS such as eu-west-1."
  }
}

variable "availability_zone" {
  description = "Zone of the subnet, in that region."
  type        = string
  default     = "eu-west-1a"
  validation {
    condition     = startswith(var.availability_zone, var.region)
    error_message = "availability_zone lies in another region: set it to a zone of region, such as ${var.region}a."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC."
  type        = string
  default     = "10.0.0.0/24"
}

variable "subnet_cidr" {
  description = "Addresses of the subnet, inside the VPC's."
  type        = string
  default     = "10.0.0.0/26"
}

variable "name" {
  description = "Beginning of the names of everything that is made, and its tag `project`."
  type        = string
  default     = "lakelab"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "name has 2 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "tags" {
  description = "More tags for everything that is made."
  type        = map(string)
  default     = {}
}

# Who gets in.

variable "operator_cidrs" {
  description = "Networks from which SSH is open, with key_name; none by default, as Session Manager needs no open port."
  type        = list(string)
  default     = []
}

variable "key_name" {
  description = "EC2 key pair for SSH; null for none."
  type        = string
  default     = null
}

variable "key_path" {
  description = "Path of that key's private half on this machine, for the printed commands alone: it is never read."
  type        = string
  default     = null
  validation {
    condition     = var.key_path == null || var.key_name != null
    error_message = "key_path needs key_name, the name of the key pair at EC2."
  }
}

# The ERP and Airflow.

variable "scheduler_instance_type" {
  description = "Type of the instance of the ERP and Airflow. The original's t2.small has too little memory for Airflow 3."
  type        = string
  default     = "t3.medium"
}

variable "scheduler_ami" {
  description = "Image of that instance, an Ubuntu; null takes the newest of Ubuntu 24.04."
  type        = string
  default     = null
}

variable "docker_username" {
  description = "Account at Docker Hub with the lab's images; null builds them on the instance."
  type        = string
  default     = null
}

variable "docker_password" {
  description = "Name of the SecureString in Parameter Store with that account's token, such as /lakelab/docker_password. Not the token itself, which would lie in Terraform's state."
  type        = string
  default     = null
  validation {
    condition     = var.docker_password == null || can(regex("^/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", var.docker_password))
    error_message = "docker_password is the name of a parameter such as /lakelab/docker_password, and no password, which would lie in the state: put it there by `aws ssm put-parameter --type SecureString --name /lakelab/docker_password --value …`."
  }
  validation {
    condition     = var.docker_password == null || var.docker_username != null
    error_message = "docker_password needs docker_username."
  }
}

variable "students" {
  description = "Students of the generated school that the ERP is filled with."
  type        = number
  default     = 5000
}

# EMR.

variable "transient" {
  description = "Whether no cluster stands: the DAG transient_unload_erp starts one for each run, which costs least."
  type        = bool
  default     = false
}

variable "emr_release_label" {
  description = "EMR's release; the original's emr-5.32.0 can be chosen, too."
  type        = string
  default     = "emr-7.13.0"
}

variable "emr_instance_type" {
  description = "Type of the cluster's one node."
  type        = string
  default     = "m5.xlarge"
}

variable "emr_idle_hours" {
  description = "Hours without a step after which the standing cluster ends by itself; 0: never, which costs by night, too."
  type        = number
  default     = 4
}

variable "emr_service_role" {
  description = "Name of an existing role for EMR, in accounts that may not make roles; null makes one with the least rights."
  type        = string
  default     = null
}

variable "emr_instance_profile" {
  description = "Name of an existing instance profile for EMR's nodes; null makes one with the least rights."
  type        = string
  default     = null
}

variable "encrypt_disks" {
  description = "Whether the disks of EMR's nodes are encrypted by a key of their own, 1 USD a month. The scheduler's always is."
  type        = bool
  default     = true
}

# What it may cost, and what is left of it.

variable "monthly_budget" {
  description = "US dollars a month: a mail at 80 % of it, and when AWS foresees more. It stops nothing."
  type        = number
  default     = 50
  validation {
    condition     = var.monthly_budget >= 1
    error_message = "monthly_budget is an amount in US dollars, 1 or more."
  }
}

variable "force_destroy" {
  description = "Whether `destroy` deletes the bucket with all that is in it."
  type        = bool
  default     = false
}

variable "log_days" {
  description = "Days after which logs of clusters are deleted."
  type        = number
  default     = 90
}

variable "upload_days" {
  description = "Days after which the parts of an upload that broke off are deleted; 0 makes no such rule."
  type        = number
  default     = 7
}

variable "package_folder" {
  description = "Folder that `make aws-package` filled with lakelab.zip and lakelab.tar.gz."
  type        = string
  default     = "../../.lab/aws"
  validation {
    condition     = fileexists("${var.package_folder}/lakelab.zip") && fileexists("${var.package_folder}/lakelab.tar.gz")
    error_message = "package_folder lacks lakelab.zip or lakelab.tar.gz: run `make aws-package` first."
  }
}
