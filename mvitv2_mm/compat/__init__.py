"""Repairs of faults in the host libraries that our users hit.

Each module repairs one fault; its docstring names symptom, cause, repair, and
when it does nothing. Nothing here imports a host library: repairs of host
modules wait until that module is loaded.
"""
from .versions import check_required

check_required()  # the imports below need these packages

from . import (bf16_heads, collate_scope, cpu_amp, cpu_distributed, cpu_sharding, fsdp_clip_grad,
               fsdp_param_groups, fsdp_resume, image_visualization, lvis_numpy, mmaction_drn,
               mmcv_ops, mvit_head_init, numpy2_hue, pkg_resources, pytorchvideo, thin_pictures,
               torch_load, transformers_clash, video_visualization)

REPAIRS = (bf16_heads, collate_scope, cpu_amp, cpu_distributed, cpu_sharding, fsdp_clip_grad,
           fsdp_param_groups, fsdp_resume, image_visualization, lvis_numpy, mmaction_drn, mmcv_ops,
           mvit_head_init, numpy2_hue, pkg_resources, pytorchvideo, thin_pictures, torch_load,
           transformers_clash, video_visualization)
_applied = False


def apply() -> None:
    """Apply every repair, once per process."""
    global _applied
    if _applied:
        return
    _applied = True
    for repair in REPAIRS:
        repair.apply()


__all__ = ['REPAIRS', 'apply']
