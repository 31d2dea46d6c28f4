"""What the scripts in ``tools/`` share on top of mmengine's Runner."""
