# What mmsegmentation says for a Swin-T, with the network of the detection recipes
_base_ = 'mmseg::swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py'

custom_imports = dict(imports=['mvitv2_mm.repairs'], allow_failed_imports=False)
model = dict(
    backbone=dict(
        _delete_=True,
        type='mvitv2_mm.MViTv2',
        arch='tiny',
        drop_path_rate=0.2,
        out_scales=(0, 1, 2, 3),
        window_size=56,
        init_cfg=dict(type='Pretrained', prefix='backbone.', checkpoint='mvitv2-tiny_in1k')))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(rel_pos=dict(decay_mult=0.))))
