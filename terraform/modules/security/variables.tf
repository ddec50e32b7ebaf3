variable "name" {
  description = "Beginning of the names of roles, profiles and keys."
  type        = string
}

variable "bucket_name" {
  description = "Bucket that the roles may use."
  type        = string
}

variable "emr_service_role" {
  description = "Name of an existing role for EMR, where roles cannot be made; null makes one."
  type        = string
  default     = null
}

variable "emr_instance_profile" {
  description = "Name of an existing instance profile for the nodes of clusters; null makes one."
  type        = string
  default     = null
}

variable "encrypt_disks" {
  description = "Whether disks of cluster nodes are encrypted, by a key of their own (1 USD a month). Existing roles must be allowed to use it."
  type        = bool
  default     = true
}

variable "parameters" {
  description = "Names of what the scheduler may read in Parameter Store."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for name in var.parameters : startswith(name, "/")])
    error_message = "Names of parameters begin with a slash."
  }
}
