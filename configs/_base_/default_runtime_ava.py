_base_ = './default_runtime.py'
custom_imports = dict(imports=['mvitv2_mm.repairs', 'mvitv2_mm.models.mmaction.ava_head'])
default_scope = 'mmaction'
visualizer = dict(type='ActionVisualizer', vis_backends=[dict(type='LocalVisBackend')])
