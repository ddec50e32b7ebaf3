"""Impressions and clicks: the pipeline of the ad logs, in the embedded lab and on the stack."""
