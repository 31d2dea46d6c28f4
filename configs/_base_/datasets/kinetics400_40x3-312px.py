_base_ = './kinetics400_16x4.py'

from mvitv2_mm.config_edit import edit

clip = dict(clip_len=40, frame_interval=3)
train_pipeline = edit(
    _base_.train_pipeline,
    SampleClips=clip,
    # the short side of the video, then the size of the crop
    Resize=[dict(scale=(-1, 356)), dict(scale=(312, 312))])
val_pipeline = edit(
    _base_.val_pipeline,
    SampleClips=clip,
    Resize=dict(scale=(-1, 356)),
    CenterCrop=dict(crop_size=312))
# 5 clips x 3 crops
test_pipeline = edit(
    _base_.test_pipeline,
    SampleClips=clip,
    Resize=dict(scale=(-1, 312)),
    CenterCrop=dict(type='ThreeCrop', crop_size=312))

train_dataloader = dict(
    batch_size=1,
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(num_repeats=1, pipeline=train_pipeline))
val_dataloader = dict(batch_size=1, dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
