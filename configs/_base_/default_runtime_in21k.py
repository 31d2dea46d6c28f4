_base_ = './default_runtime_classification.py'
custom_imports = dict(imports=[
    'mvitv2_mm.repairs', 'mvitv2_mm.datasets.mmpretrain.image_dataset',
    'mvitv2_mm.datasets.mmpretrain.picture_steps', 'mvitv2_mm.models.mmpretrain.first_classes_head'
])
