from collections import Counter

import pytest

from avsal.errors import ConfigError
from datasets_av.diem import protocol_videos
from datasets_av.split_tables import chosen_videos, diem_videos, listed_videos, read_table

SETS = ("diem", "coutrot1", "coutrot2", "avad", "etmd", "summe")
COUNTS = {  # videos, frames, (train, test) of the three folds, test frames of fold 1
    "diem": (81, 236459, [(64, 17)] * 3, 27414),
    "coutrot1": (60, 25192, [(40, 20)] * 3, 8279),
    "coutrot2": (15, 16983, [(10, 5)] * 3, 5338),
    "avad": (45, 9589, [(30, 15)] * 3, 3161),
    "etmd": (12, 61668, [(8, 4)] * 3, 20941),
    "summe": (25, 109788, [(17, 8), (17, 7), (16, 8)], 38600),
}


def names(dataset, fold, split):
    return {video.id for video, _ in chosen_videos(dataset, fold, split)}


@pytest.mark.parametrize("dataset", SETS)
def test_lists_have_the_published_counts(dataset):
    videos, frames, folds, test_frames = COUNTS[dataset]
    listed = listed_videos(dataset)
    assert len({video.id for video in listed}) == len(listed) == videos
    assert sum(video.num_frames for video in listed) == frames
    for fold, (train, test) in enumerate(folds, 1):
        assert len(chosen_videos(dataset, fold, "train")) == train
        assert len(chosen_videos(dataset, fold, "test")) == test
    assert sum(video.num_frames for video, _ in chosen_videos(dataset, 1, "test")) == test_frames


def test_there_are_238_videos_and_none_is_shorter_than_125_frames():
    everything = [video for dataset in SETS for video in listed_videos(dataset)]
    assert len(everything) == 238
    assert min(video.num_frames for video in everything) == 125
    assert {video.id for video in everything if video.num_frames == 125} == {"V11_News4"}


@pytest.mark.parametrize("dataset", SETS)
@pytest.mark.parametrize("fold", [1, 2, 3])
def test_no_video_is_in_train_and_test_of_one_fold(dataset, fold):
    assert not names(dataset, fold, "train") & names(dataset, fold, "test")
    assert names(dataset, fold, None) == names(dataset, fold, "train") | names(dataset, fold, "test")


@pytest.mark.parametrize("dataset", ["coutrot1", "coutrot2", "etmd"])
def test_folds_of_three_sets_test_every_video_once(dataset):
    tested = Counter(name for fold in (1, 2, 3) for name in names(dataset, fold, "test"))
    assert tested == Counter({video.id: 1 for video in listed_videos(dataset)})


def test_oddities_of_avad_and_summe_are_kept():
    tested = Counter(name for fold in (1, 2, 3) for name in names("avad", fold, "test"))
    assert {name for name, count in tested.items() if count == 2} == {
        "V3_Speech3",
        "V39_Guitar4",
        "V26_Piano2",
    }
    assert {video.id for video in listed_videos("avad")} - set(tested) == {
        "V28_Dog1",
        "V33_Harp",
        "V42_Violin2",
    }
    assert (sum(tested.values()), len(tested)) == (45, 42)
    every = {video.id for video in listed_videos("summe")}
    assert every - names("summe", 1, None) == set()
    assert every - names("summe", 2, None) == {"St_Maarten_Landing"}
    assert every - names("summe", 3, None) == {"Scuba"}
    assert not {"St_Maarten_Landing", "Scuba"} & {
        n for fold in (1, 2, 3) for n in names("summe", fold, "test")
    }


def test_diem_has_one_list_whatever_the_fold():
    assert (
        chosen_videos("diem", None, None) == chosen_videos("diem", 1, None) == chosen_videos("diem", 3, None)
    )


def test_diem20_is_the_17_test_videos_and_three_outside_the_lists():
    videos = {entry.id for entry in diem_videos()}
    assert len(videos) == 84
    outside = {
        "ami_ib4010_closeup_720x576",
        "ami_ib4010_left_720x576",
        "news_tony_blair_resignation_720x540",
    }
    assert videos - {video.id for video in listed_videos("diem")} == outside
    twenty = {video.id for video, role in protocol_videos("diem20", None) if role == "test"}
    assert twenty == names("diem", 1, "test") | outside
    assert len(twenty) == 20


def test_diem_names_end_in_their_size():
    for entry in diem_videos():
        height, width = entry.size
        assert entry.id.endswith(f"_{width}x{height}")
        assert height <= 960
        assert width <= 1280


def test_tables_of_the_visual_sets_have_the_published_counts():
    dhf1k = read_table("dhf1k")
    frames = Counter()
    for row in dhf1k:
        frames[row["split"]] += int(row["num_frames"])
    assert Counter(row["split"] for row in dhf1k) == {"train": 600, "val": 100, "test": 300}
    assert frames == {"train": 346140, "val": 60273, "test": 176192}
    ucf = read_table("ucf_sports")
    assert Counter(row["split"] for row in ucf) == {"train": 103, "test": 47}
    assert sum(int(row["num_frames"]) for row in ucf) == 6501 + 2929
    ledov = read_table("ledov")
    assert Counter(row["split"] for row in ledov) == {"train": 461, "val": 36, "test": 41}
    assert {int(row["index"]) for row in ledov} == set(range(1, 539))


def test_impossible_choices_are_refused_with_the_remedy():
    with pytest.raises(ConfigError, match="fold=1, 2 or 3"):
        chosen_videos("avad", None, "test")
    with pytest.raises(ConfigError, match="`fold` must be 1, 2 or 3 but is 4"):
        chosen_videos("avad", 4, "test")
    with pytest.raises(ConfigError, match="hold out a part of train"):
        chosen_videos("avad", 1, "val")
    with pytest.raises(ConfigError, match="only test videos"):
        protocol_videos("diem20", "train")
    with pytest.raises(ConfigError, match="`protocol` must be stavis or diem20"):
        protocol_videos("diem84", None)
    with pytest.raises(ValueError, match="six audio-visual sets"):
        listed_videos("dhf1k")
