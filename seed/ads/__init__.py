"""Ad logs: impressions and clicks as JSON lines, a file for each hour, with facts planted in them."""
