_base_ = ['./kinetics400_40x3-312px.py', './kinetics700.py']

from mvitv2_mm.config_edit import edit

# 3 clips x 3 crops
test_pipeline = edit(_base_.test_pipeline, SampleClips=dict(num_clips=3))

train_dataloader = dict(dataset=_base_.kinetics700.train)
val_dataloader = dict(dataset=_base_.kinetics700.val)
test_dataloader = dict(dataset=dict(_base_.kinetics700.val, pipeline=test_pipeline))
