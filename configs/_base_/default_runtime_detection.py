_base_ = './default_runtime.py'
default_scope = 'mmdet'
custom_imports = dict(imports=[
    'mvitv2_mm.repairs', 'mvitv2_mm.datasets.mmdet.coco_dataset',
    'mvitv2_mm.datasets.mmdet.fixed_size_crop', 'mvitv2_mm.datasets.mmdet.load_objects',
    'mvitv2_mm.datasets.mmdet.picture_steps', 'mvitv2_mm.evaluation.mmdet.coco_metric',
    'mvitv2_mm.models.mmdet.cascade_roi_head', 'mvitv2_mm.models.mmdet.instance_tta'
])
visualizer = dict(type='DetLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])

# the schedules count iterations
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=5000))
log_processor = dict(by_epoch=False)
