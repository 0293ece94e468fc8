"""What MLServer serves."""
