_base_ = './kinetics400_40x3-312px.py'

# The short side before the crops is not published; 402 keeps the ratio 256 : 224.
_base_.train_pipeline[3].scale = (-1, 402)
_base_.train_pipeline[6].scale = (352, 352)
_base_.val_pipeline[3].scale = (-1, 402)
_base_.val_pipeline[4].crop_size = 352
# 4 clips x 3 crops
_base_.test_pipeline[1].num_clips = 4
_base_.test_pipeline[3].scale = (-1, 352)
_base_.test_pipeline[4].crop_size = 352

data_root = 'data/kinetics600'
train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='kinetics600_train_list_videos.txt',
        pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='kinetics600_val_list_videos.txt',
        pipeline=_base_.val_pipeline))
test_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='kinetics600_val_list_videos.txt',
        pipeline=_base_.test_pipeline))
