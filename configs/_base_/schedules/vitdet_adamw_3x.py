# as in detectron2's ViTDet project
_base_ = './coco_adamw_3x.py'

# relative position tables are decayed
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(_delete_=True, pos_embed=dict(decay_mult=0.))))
