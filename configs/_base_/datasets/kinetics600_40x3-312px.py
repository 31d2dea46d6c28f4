_base_ = './kinetics400_40x3-312px.py'

# 4 clips x 3 crops
_base_.test_pipeline[1].num_clips = 4

data_root = 'data/kinetics600'
train_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='kinetics600_train_list_videos.txt'))
val_dataloader = dict(dataset=dict(data_root=data_root, ann_file='kinetics600_val_list_videos.txt'))
test_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='kinetics600_val_list_videos.txt',
        pipeline=_base_.test_pipeline))
