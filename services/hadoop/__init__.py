"""The Hadoop image, and in `commands` what EMR's primary node adds to Hadoop's own commands."""
