# What mmpose says for a Swin-T, with another network
_base_ = ('mmpose::body_2d_keypoint/topdown_heatmap/coco/'
          'td-hm_swin-t-p4-w7_8xb32-210e_coco-256x192.py')

custom_imports = dict(imports=['mvitv2_mm.repairs'], allow_failed_imports=False)
model = dict(
    backbone=dict(
        _delete_=True,
        type='mvitv2_mm.MViTv2',
        arch='tiny',
        input_size=(256, 192),
        drop_path_rate=0.2,
        init_cfg=dict(type='Pretrained', prefix='backbone.', checkpoint='mvitv2-tiny_in1k')))
