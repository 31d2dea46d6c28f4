_base_ = ['./kinetics400_32x3.py', './kinetics700.py']

from mvitv2_mm.config_edit import edit

# 3 clips x 3 crops; of 224 as in the code, where the paper says 256
test_pipeline = edit(
    _base_.test_pipeline,
    SampleClips=dict(num_clips=3),
    Resize=dict(scale=(-1, 224)),
    CenterCrop=dict(type='ThreeCrop', crop_size=224))

train_dataloader = dict(dataset=_base_.kinetics700.train)
val_dataloader = dict(dataset=_base_.kinetics700.val)
test_dataloader = dict(dataset=dict(_base_.kinetics700.val, pipeline=test_pipeline))
