_base_ = './kinetics400_16x4.py'

from mvitv2_mm.config_edit import edit

# rand-m7-mstd0.5-inc1, whose default is 2 operations
train_pipeline = edit(_base_.train_pipeline, ClipRandAugment=dict(num_ops=2))
# 10 clips x 1 crop
test_pipeline = edit(_base_.test_pipeline, SampleClips=dict(num_clips=10))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
