_base_ = './default_runtime.py'
default_scope = 'mmpretrain'
visualizer = dict(type='UniversalVisualizer', vis_backends=[dict(type='LocalVisBackend')])
custom_imports = dict(imports=[
    'mvitv2_mm', 'mvitv2_mm.datasets.mmpretrain.image_dataset',
    'mvitv2_mm.datasets.mmpretrain.picture_steps'
])
