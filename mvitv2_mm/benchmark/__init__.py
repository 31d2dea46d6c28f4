"""Compare speed and memory of MViTv2 implementations and their input pipelines; what work costs."""
