# The lab's own endpoint; `lab rehearse` gives its address, as the port differs from one machine to the next.
endpoint    = "http://127.0.0.1:4566"
bucket_name = "5data-rehearsal"
alert_email = "nobody@example.org"
name        = "lakelab-rehearsal"

scheduler_ami = "ami-785db401" # an Ubuntu that moto knows
force_destroy = true
upload_days   = 0 # MinIO deletes such parts by itself, and has no rule for it
