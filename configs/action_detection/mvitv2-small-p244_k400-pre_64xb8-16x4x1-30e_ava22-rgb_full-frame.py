_base_ = './mvitv2-small-p244_k400-pre_64xb8-16x4x1-30e_ava22-rgb.py'

test_dataloader = dict(dataset=dict(pipeline=_base_.full_pipeline))
