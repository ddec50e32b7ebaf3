"""The AWS target: Terraform, what it copies to AWS, its rehearsal on the stack, and what a run costs there."""
