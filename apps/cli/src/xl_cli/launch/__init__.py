"""How a command runs: processes, threads, progress, stopping."""
