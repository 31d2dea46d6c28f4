"""What training and testing need on top of mmengine's Runner."""
