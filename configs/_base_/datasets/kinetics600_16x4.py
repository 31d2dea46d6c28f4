_base_ = './kinetics400_16x4.py'

data_root = 'data/kinetics600'
train_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='kinetics600_train_list_videos.txt'))
val_dataloader = dict(dataset=dict(data_root=data_root, ann_file='kinetics600_val_list_videos.txt'))
test_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='kinetics600_val_list_videos.txt'))
