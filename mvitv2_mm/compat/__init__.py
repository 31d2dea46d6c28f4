"""Repairs of faults in the host libraries that our users hit; importing this changes nothing.

A folder per host whose fault it is, a module per fault, named ``host.fault`` in the environment
variable ``MVITV2_MM_REPAIRS`` and in ``python -m mvitv2_mm doctor``. A module holds

- a docstring with symptom, cause and repair, and when the repair does nothing;
- ``WINDOWS``, the versions of the host that it is made for, and the one it was tested with;
- ``HOOKS``, functions that change a host's module once it is loaded, or ``STAND_INS``, functions
  that make a module which the host lacks. Neither imports the host.

:mod:`.switch` switches repairs on. What a config can name is not repaired here: it is a registered
class of ours in ``models/`` or ``engine/``.
"""
# what keeps a host from being imported, a config or checkpoint from being read, or all of them from
# current numpy
ON_IMPORT = ('lvis.numpy_float', 'mmaction.drn', 'mmaction.hue', 'mmaction.transformers',
             'mmcv.hue', 'mmcv.ops', 'mmcv.thin_pictures', 'mmengine.checkpoints',
             'mmengine.own_configs', 'mmengine.pkg_resources', 'mmengine.torch_load',
             'mmpretrain.transformers', 'pytorchvideo.functional_tensor')
# the rest, and what switches it on
ON_DEMAND = {
    'mmaction.bf16_heads': 'mvitv2_mm.AmpOptimWrapper in bfloat16',
    'mmdet.bf16_heads': 'mvitv2_mm.AmpOptimWrapper in bfloat16',
    'mmengine.cpu_distributed': 'a distributed run without CUDA',
}
