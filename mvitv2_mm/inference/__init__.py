"""Predicting files: what ``python -m mvitv2_mm predict`` and ``mvitv2_mm.Inferencer`` do."""
