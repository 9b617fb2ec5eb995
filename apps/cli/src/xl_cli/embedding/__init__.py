"""Corpora as vectors: shards that any process, here or on a cluster, computes and writes by itself."""
