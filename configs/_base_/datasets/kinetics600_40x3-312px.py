_base_ = ['./kinetics400_40x3-312px.py', './kinetics600.py']

from mvitv2_mm.config_edit import edit

# 4 clips x 3 crops
test_pipeline = edit(_base_.test_pipeline, SampleClips=dict(num_clips=4))

train_dataloader = dict(dataset=_base_.kinetics600.train)
val_dataloader = dict(dataset=_base_.kinetics600.val)
test_dataloader = dict(dataset=dict(_base_.kinetics600.val, pipeline=test_pipeline))
