_base_ = './kinetics400_32x3.py'

# 3 clips x 3 crops
_base_.test_pipeline[1].num_clips = 3
_base_.test_pipeline[3].scale = (-1, 224)
_base_.test_pipeline[4].type = 'ThreeCrop'

data_root = 'data/kinetics700'
train_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='kinetics700_train_list_videos.txt'))
val_dataloader = dict(dataset=dict(data_root=data_root, ann_file='kinetics700_val_list_videos.txt'))
test_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='kinetics700_val_list_videos.txt',
        pipeline=_base_.test_pipeline))
