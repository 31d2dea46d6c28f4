_base_ = './kinetics400_16x4.py'

_base_.train_pipeline[1].update(clip_len=40, frame_interval=3)
_base_.train_pipeline[3].scale = (-1, 356)
_base_.train_pipeline[6].scale = (312, 312)
_base_.val_pipeline[1].update(clip_len=40, frame_interval=3)
_base_.val_pipeline[3].scale = (-1, 356)
_base_.val_pipeline[4].crop_size = 312
# 5 clips x 3 crops
_base_.test_pipeline[1].update(clip_len=40, frame_interval=3)
_base_.test_pipeline[3].scale = (-1, 312)
_base_.test_pipeline[4].update(type='ThreeCrop', crop_size=312)

train_dataloader = dict(
    batch_size=1,
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(num_repeats=1, pipeline=_base_.train_pipeline))
val_dataloader = dict(batch_size=1, dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=_base_.test_pipeline))
