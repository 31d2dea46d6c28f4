_base_ = ['./kinetics400_40x3-312px.py', './kinetics600.py']

from mvitv2_mm.config_edit import edit

train_pipeline = edit(_base_.train_pipeline, SampleClips=dict(clip_len=32))
val_pipeline = edit(_base_.val_pipeline, SampleClips=dict(clip_len=32))
# 4 clips x 3 crops
test_pipeline = edit(_base_.test_pipeline, SampleClips=dict(clip_len=32, num_clips=4))

train_dataloader = dict(dataset=dict(_base_.kinetics600.train, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(_base_.kinetics600.val, pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(_base_.kinetics600.val, pipeline=test_pipeline))
