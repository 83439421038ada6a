"""What several test files share: strategies, oracles, and scripts that run in real processes."""
