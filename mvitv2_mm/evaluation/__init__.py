"""Metrics that no host library has, in a folder for each host that they serve."""
from .dump_aside import DumpAside
from .mmaction.ava_metric import AVAMetric
from .mmdet.coco_o import COCOOMetric

__all__ = ['AVAMetric', 'COCOOMetric', 'DumpAside']
