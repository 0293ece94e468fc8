"""What the contenders serve."""
