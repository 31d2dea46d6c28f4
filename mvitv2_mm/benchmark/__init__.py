"""Compare the speed and memory of MViTv2 implementations that hold the same weights."""
