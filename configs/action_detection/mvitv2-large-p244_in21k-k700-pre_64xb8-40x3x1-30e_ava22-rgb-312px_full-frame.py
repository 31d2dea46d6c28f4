_base_ = './mvitv2-large-p244_in21k-k700-pre_64xb8-40x3x1-30e_ava22-rgb-312px.py'

test_dataloader = dict(dataset=dict(pipeline=_base_.full_pipeline))
