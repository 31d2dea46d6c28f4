"""Metrics that no host library has; they need mmdet."""
from .coco_o import COCOOMetric

__all__ = ['COCOOMetric']
