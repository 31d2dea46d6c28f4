"""Metrics that no host library has; they need mmdet."""
from .ava_metric import AVAMetric
from .coco_o import COCOOMetric

__all__ = ['AVAMetric', 'COCOOMetric']
