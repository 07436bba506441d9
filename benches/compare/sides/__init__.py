"""What runs in the process of an engine: a client of a cluster, or the whole engine where it has but one process."""
