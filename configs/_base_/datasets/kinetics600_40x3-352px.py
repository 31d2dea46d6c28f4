_base_ = ['./kinetics400_40x3-312px.py', './kinetics600.py']

from mvitv2_mm.config_edit import edit

# The short side before the crops is not published; 402 keeps the ratio 256 : 224.
train_pipeline = edit(_base_.train_pipeline, Resize=[dict(scale=(-1, 402)), dict(scale=(352, 352))])
val_pipeline = edit(
    _base_.val_pipeline, Resize=dict(scale=(-1, 402)), CenterCrop=dict(crop_size=352))
# 4 clips x 3 crops
test_pipeline = edit(
    _base_.test_pipeline,
    SampleClips=dict(num_clips=4),
    Resize=dict(scale=(-1, 352)),
    ThreeCrop=dict(crop_size=352))

train_dataloader = dict(dataset=dict(_base_.kinetics600.train, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(_base_.kinetics600.val, pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(_base_.kinetics600.val, pipeline=test_pipeline))
