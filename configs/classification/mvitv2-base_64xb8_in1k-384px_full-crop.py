_base_ = './mvitv2-base_64xb8_in1k-384px.py'

test_pipeline = _base_.full_pipeline
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
