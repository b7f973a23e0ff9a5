"""What the socket benchmarks share: servers as processes of their own, and clients that only count."""
