# One VPC with one public subnet. Nothing from outside gets in, but SSH from the operators' own networks where they ask
# for it. A private subnet would need a NAT gateway, which costs more than all the rest of a small lab.

data "aws_availability_zones" "here" {
  state = "available"
}

resource "aws_vpc" "this" {
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # EMR's nodes call each other by name
  tags                 = { Name = var.name }

  lifecycle {
    precondition {
      condition     = contains(data.aws_availability_zones.here.names, var.availability_zone)
      error_message = "Region ${var.region} has no zone ${var.availability_zone}: set availability_zone to one of ${join(", ", data.aws_availability_zones.here.names)}."
    }
  }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_subnet" "public" {
  vpc_id                  = aws_vpc.this.id
  cidr_block              = var.subnet_cidr
  availability_zone       = var.availability_zone
  map_public_ip_on_launch = true # without a NAT gateway this is how a node reaches EMR's service
  # EMR's managed policy of the service role only lets it use what has this tag.
  tags = { Name = var.name, "for-use-with-amazon-emr-managed-policies" = "true" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

# S3 without a way through the internet, and without a price.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.public.id]
  tags              = { Name = "${var.name}-s3" }
}

# The group that AWS gives to whatever names none: closed.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-unused" }
}

locals {
  groups = {
    scheduler   = "ERP and Airflow"
    emr-primary = "EMR, primary node"
    emr-core    = "EMR, other nodes"
  }
  # What leaves: packages and AWS's own addresses. DNS and time of the VPC are no matter of security groups.
  out = { for pair in setproduct(keys(local.groups), [80, 443]) : "${pair[0]}-${pair[1]}" => { group = pair[0], port = pair[1] } }
  ssh = var.ssh ? {
    for pair in setproduct(["scheduler", "emr-primary"], var.operator_cidrs) : "${pair[0]} ${pair[1]}" => { group = pair[0], cidr = pair[1] }
  } : {}
}

resource "aws_security_group" "this" {
  for_each               = local.groups
  name                   = "${var.name}-${each.key}"
  description            = each.value
  vpc_id                 = aws_vpc.this.id
  revoke_rules_on_delete = true # EMR adds rules that name each other
  tags                   = { Name = "${var.name}-${each.key}", "for-use-with-amazon-emr-managed-policies" = "true" }
}

resource "aws_vpc_security_group_egress_rule" "out" {
  for_each          = local.out
  security_group_id = aws_security_group.this[each.value.group].id
  description       = "Packages and AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

# Between the nodes of a cluster; the rules that let it in are EMR's own.
resource "aws_vpc_security_group_egress_rule" "between_nodes" {
  for_each                     = { for pair in setproduct(["emr-primary", "emr-core"], ["emr-primary", "emr-core"]) : "${pair[0]} ${pair[1]}" => pair }
  security_group_id            = aws_security_group.this[each.value[0]].id
  referenced_security_group_id = aws_security_group.this[each.value[1]].id
  ip_protocol                  = "-1"
}

# Airflow proves a run by what HiveServer2 reads.
resource "aws_vpc_security_group_egress_rule" "to_hive" {
  security_group_id            = aws_security_group.this["scheduler"].id
  referenced_security_group_id = aws_security_group.this["emr-primary"].id
  ip_protocol                  = "tcp"
  from_port                    = 10000
  to_port                      = 10000
}

resource "aws_vpc_security_group_ingress_rule" "hive" {
  security_group_id            = aws_security_group.this["emr-primary"].id
  referenced_security_group_id = aws_security_group.this["scheduler"].id
  ip_protocol                  = "tcp"
  from_port                    = 10000
  to_port                      = 10000
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each          = local.ssh
  security_group_id = aws_security_group.this[each.value.group].id
  description       = "SSH from an operator"
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}
