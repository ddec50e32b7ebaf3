"""`s3-dist-cp` and `hive-script`, as EMR has them: their meaning here, where files are by whoever calls."""
