# One instance with the ERP and Airflow in Docker. It gets its code from the bucket and makes its passwords itself, so
# that neither is in Terraform's state.

data "aws_ami" "ubuntu" {
  count       = var.ami == null ? 1 : 0
  most_recent = true
  owners      = ["099720109477"] # Canonical
  filter {
    name   = "name"
    values = ["ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"]
  }
}

resource "aws_instance" "this" {
  ami                    = var.ami == null ? data.aws_ami.ubuntu[0].id : var.ami
  instance_type          = var.instance_type
  subnet_id              = var.subnet_id
  vpc_security_group_ids = [var.security_group_id]
  iam_instance_profile   = var.instance_profile
  key_name               = var.key_name
  tags                   = { Name = var.name }

  user_data = templatefile("${path.module}/files/user_data.sh.tftpl", {
    region              = var.region
    bucket              = var.bucket
    variables_parameter = var.variables_parameter
    docker_username     = coalesce(var.docker_username, "-")
    docker_password     = coalesce(var.docker_password, "-")
    students            = var.students
  })
  user_data_replace_on_change = true

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 2 # Airflow asks from inside a container
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
    volume_size = 30
  }

  lifecycle {
    ignore_changes = [ami] # a newer image is no reason for a new instance, which would lose the ERP
  }
}
