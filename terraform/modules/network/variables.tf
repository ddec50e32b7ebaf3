variable "name" {
  description = "Beginning of the names of everything here."
  type        = string
}

variable "region" {
  description = "Region of the network; S3 is reached inside it."
  type        = string
}

variable "availability_zone" {
  description = "Zone of the subnet: one of the region's."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", var.availability_zone))
    error_message = "availability_zone is a region and a letter, such as eu-west-1a."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC, from /16 to /28."
  type        = string
  validation {
    condition = (
      can(cidrnetmask(var.vpc_cidr)) &&
      try(cidrhost(var.vpc_cidr, 0) == split("/", var.vpc_cidr)[0], false) &&
      try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 28, false)
    )
    error_message = "vpc_cidr is the first address of a network and its length, from /16 to /28, such as 10.0.0.0/24."
  }
}

variable "subnet_cidr" {
  description = "Addresses of the subnet, inside the VPC's."
  type        = string
  validation {
    condition = (
      can(cidrnetmask(var.subnet_cidr)) &&
      try(cidrhost(var.subnet_cidr, 0) == split("/", var.subnet_cidr)[0], false) &&
      try(tonumber(split("/", var.subnet_cidr)[1]) <= 28, false)
    )
    error_message = "subnet_cidr is the first address of a network and its length, up to /28, such as 10.0.0.0/26."
  }
  validation {
    condition = try(
      tonumber(split("/", var.subnet_cidr)[1]) >= tonumber(split("/", var.vpc_cidr)[1]) &&
      cidrhost("${split("/", var.subnet_cidr)[0]}/${split("/", var.vpc_cidr)[1]}", 0) == cidrhost(var.vpc_cidr, 0),
      false
    )
    error_message = "subnet_cidr lies outside of vpc_cidr: choose a part of it."
  }
}

variable "operator_cidrs" {
  description = "Networks from which operators may use SSH; none by default. The whole internet is refused."
  type        = list(string)
  default     = []
  validation {
    condition = alltrue([
      for cidr in var.operator_cidrs :
      can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 16, false)
    ])
    error_message = "operator_cidrs are IPv4 networks of /16 or smaller, such as 203.0.113.7/32: nothing is opened to the world."
  }
}

variable "ssh" {
  description = "Whether operators use SSH at all; without it, Session Manager is the only way in."
  type        = bool
  default     = false
}
