variable "bucket_name" {
  description = "Name of the bucket of jobs, stage and logs."
  type        = string
  validation {
    condition = (
      can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name)) &&
      !startswith(var.bucket_name, "xn--") && !endswith(var.bucket_name, "-s3alias")
    )
    error_message = "bucket_name has 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "files" {
  description = "What is copied into the bucket: path of a local file by its key."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for path in values(var.files) : fileexists(path)])
    error_message = "A file that shall be copied into the bucket is not there: run `make aws-package`, in a full clone."
  }
}

variable "force_destroy" {
  description = "Whether `destroy` deletes the bucket with what is in it."
  type        = bool
  default     = false
}

variable "log_days" {
  description = "Days after which logs of clusters are deleted."
  type        = number
  default     = 90
  validation {
    condition     = var.log_days >= 1 && floor(var.log_days) == var.log_days
    error_message = "log_days is a whole number of days, 1 or more."
  }
}

variable "upload_days" {
  description = "Days after which the parts of an upload that broke off are deleted; 0 makes no such rule."
  type        = number
  default     = 7
  validation {
    condition     = var.upload_days >= 0 && floor(var.upload_days) == var.upload_days
    error_message = "upload_days is a whole number of days, 0 or more."
  }
}
