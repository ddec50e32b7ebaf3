# Who may do what: EMR's service, the nodes of clusters, and the scheduler. Each may only do what its part needs.

data "aws_caller_identity" "me" {}
data "aws_partition" "this" {}
data "aws_region" "here" {}

locals {
  account   = data.aws_caller_identity.me.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.here.name
  bucket    = "arn:${local.partition}:s3:::${var.bucket_name}"
  managed   = "arn:${local.partition}:iam::aws:policy"
  ours      = { service = var.emr_service_role == null, nodes = var.emr_instance_profile == null }
  tag       = "for-use-with-amazon-emr-managed-policies"
  # What EMR and its nodes do with the key of the disks.
  use_of_key = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:DescribeKey", "kms:CreateGrant"]

  service_role = local.ours.service ? aws_iam_role.this["emr-service"].name : var.emr_service_role
  node_profile = local.ours.nodes ? aws_iam_instance_profile.this["emr-nodes"].name : var.emr_instance_profile
  # A role of that name, and the profile's own: AWS names them alike unless somebody made them apart.
  passed = [
    "arn:${local.partition}:iam::${local.account}:role/${local.ours.service ? "${var.name}-emr-service" : var.emr_service_role}",
    "arn:${local.partition}:iam::${local.account}:role/${local.ours.nodes ? "${var.name}-emr-nodes" : var.emr_instance_profile}",
  ]

  roles = merge(
    { scheduler = { service = "ec2.amazonaws.com", policies = ["AmazonSSMManagedInstanceCore"], profile = true } },
    local.ours.service ? { emr-service = { service = "elasticmapreduce.amazonaws.com", policies = ["service-role/AmazonEMRServicePolicy_v2"], profile = false } } : {},
    local.ours.nodes ? { emr-nodes = { service = "ec2.amazonaws.com", policies = ["AmazonSSMManagedInstanceCore"], profile = true } } : {},
  )
  managed_policies = merge([for role, about in local.roles : { for policy in about.policies : "${role} ${policy}" => { role = role, policy = policy } }]...)
  own_policies = {
    scheduler   = data.aws_iam_policy_document.scheduler.json
    emr-service = data.aws_iam_policy_document.emr_service.json
    emr-nodes   = data.aws_iam_policy_document.emr_nodes.json
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["ec2.amazonaws.com", "elasticmapreduce.amazonaws.com"])
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = [each.value]
    }
    # Nobody else's clusters get EMR to act for them. Instances have no such source.
    dynamic "condition" {
      for_each = each.value == "elasticmapreduce.amazonaws.com" ? [1] : []
      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  for_each           = local.roles
  name               = "${var.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.value.service].json
}

resource "aws_iam_role_policy_attachment" "managed" {
  for_each   = local.managed_policies
  role       = aws_iam_role.this[each.value.role].name
  policy_arn = "${local.managed}/${each.value.policy}"
}

resource "aws_iam_role_policy" "own" {
  for_each = local.roles
  name     = "lakelab"
  role     = aws_iam_role.this[each.key].name
  policy   = local.own_policies[each.key]
}

resource "aws_iam_instance_profile" "this" {
  for_each = { for role, about in local.roles : role => about if about.profile }
  name     = "${var.name}-${each.key}"
  role     = aws_iam_role.this[each.key].name
}

# EMR's managed policy brings all but this: handing the nodes their role, and the key of the disks.
data "aws_iam_policy_document" "emr_service" {
  statement {
    sid       = "NodesRole"
    actions   = ["iam:PassRole"]
    resources = [local.passed[1]]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com"]
    }
  }
  dynamic "statement" {
    for_each = aws_kms_key.disks
    content {
      sid       = "Disks"
      actions   = local.use_of_key
      resources = [statement.value.arn]
    }
  }
}

data "aws_iam_policy_document" "emr_nodes" {
  statement {
    sid       = "Bucket"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]
    resources = [local.bucket]
  }
  statement {
    sid       = "Objects"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = ["${local.bucket}/*"]
  }
  statement {
    sid       = "EmrsOwnLibraries" # script-runner.jar
    actions   = ["s3:GetObject"]
    resources = ["arn:${local.partition}:s3:::${local.region}.elasticmapreduce/*"]
  }
  dynamic "statement" {
    for_each = aws_kms_key.disks
    content {
      sid       = "Disks"
      actions   = local.use_of_key
      resources = [statement.value.arn]
    }
  }
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    sid       = "Bucket"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
    resources = [local.bucket]
  }
  statement {
    sid       = "Stage" # and the key of the pseudonyms, which it makes at its first start
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${local.bucket}/stage/*", "${local.bucket}/keys/*"]
  }
  statement {
    sid       = "Code"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket}/init/*"]
  }
  statement {
    sid       = "StartClusters"
    actions   = ["elasticmapreduce:RunJobFlow", "elasticmapreduce:ListClusters"] # neither takes a resource
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [local.region]
    }
  }
  statement {
    sid = "UseClusters"
    actions = [
      "elasticmapreduce:AddJobFlowSteps", "elasticmapreduce:AddTags", "elasticmapreduce:CancelSteps", "elasticmapreduce:DescribeCluster",
      "elasticmapreduce:DescribeStep", "elasticmapreduce:ListInstances", "elasticmapreduce:ListSteps", "elasticmapreduce:TerminateJobFlows",
    ]
    resources = ["arn:${local.partition}:elasticmapreduce:${local.region}:${local.account}:cluster/*"]
    condition {
      test     = "StringEquals"
      variable = "elasticmapreduce:ResourceTag/${local.tag}"
      values   = ["true"]
    }
  }
  statement {
    sid       = "RolesOfClusters"
    actions   = ["iam:PassRole"]
    resources = local.passed
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["elasticmapreduce.amazonaws.com", "ec2.amazonaws.com"]
    }
  }
  statement {
    sid       = "Parameters"
    actions   = ["ssm:GetParameter"]
    resources = [for name in var.parameters : "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${name}"]
  }
}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "AccountDecides" # by the policies of its roles
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }
}

resource "aws_kms_key" "disks" {
  count                   = var.encrypt_disks ? 1 : 0
  description             = "${var.name}: disks of clusters"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  policy                  = data.aws_iam_policy_document.key.json
  tags                    = { Name = "${var.name}-disks" }
}
