"""Shared by the socket benchmarks: servers in separate processes, and clients that only count."""
