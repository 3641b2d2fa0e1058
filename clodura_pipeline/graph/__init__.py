"""Everything Dagster: assets, checks, jobs, schedules, resources, partitions."""
