import pickle
import re
import shutil

import numpy as np
import pytest
import soundfile
from fake_media import write_image, write_mat, write_video, write_wav

from avsal.errors import ConfigError, DatasetError
from avsal.workflows.data import load_dataset
from datasets_av import stavis
from datasets_av.dataset import dataset_class, open_dataset
from datasets_av.diem import Diem
from datasets_av.split_tables import chosen_videos, listed_videos
from datasets_av.stavis_sets import Avad, Coutrot1, Coutrot2, Etmd, Summe

READERS = {
    "diem": (Diem, "DIEM"),
    "coutrot1": (Coutrot1, "Coutrot_db1"),
    "coutrot2": (Coutrot2, "Coutrot_db2"),
    "avad": (Avad, "AVAD"),
    "etmd": (Etmd, "ETMD_av"),
    "summe": (Summe, "SumMe"),
}
SIZE = (18, 24)
#: the shortest videos of AVAD, each tested in another fold
SHORT = {"V41_Violin1": 129, "V11_News4": 125, "V37_Guitar2": 126}


def add_video(root, folder, name, num_frames, *, seconds=None, rate=25.0):
    """Map i is 2 i everywhere; frame i has fixations at row 0, column 0 and at row i mod 18, column 3."""
    annotations = root / "annotations" / folder / name
    for number in range(1, num_frames + 1):
        value = number % 100
        frame = root / "video_frames" / folder / name / f"img_{number:05d}.jpg"
        write_image(frame, np.full((*SIZE, 3), 10 + value))
        write_image(annotations / "maps" / f"eyeMap_{number:05d}.jpg", np.full(SIZE, 2 * value))
        points = np.zeros(SIZE, np.uint8)
        points[0, 0] = points[number % SIZE[0], 3] = 1
        write_mat(annotations / f"fixMap_{number:05d}.mat", {"eyeMap": points})
    sound = root / "video_audio" / folder / name / f"{name}.wav"
    write_wav(sound, seconds=num_frames / rate if seconds is None else seconds)


@pytest.fixture(scope="module")
def avad_once(tmp_path_factory):
    root = tmp_path_factory.mktemp("avad")
    for name, num_frames in SHORT.items():
        add_video(root, "AVAD", name, num_frames)
    return root


@pytest.fixture
def avad(avad_once, tmp_path):
    """A copy to damage."""
    return shutil.copytree(avad_once, tmp_path / "avad")


@pytest.fixture
def five_frames(monkeypatch):
    """The published lists with every video cut to five frames."""

    def short(*arguments):
        return tuple(
            (stavis.ListedVideo(v.dataset, v.id, 5, 25.0, v.folds), role)
            for v, role in chosen_videos(*arguments)
        )

    monkeypatch.setattr(stavis, "chosen_videos", short)


@pytest.fixture
def three_videos(monkeypatch):
    """The published list of AVAD with the short videos only."""

    def short(*arguments):
        return tuple((video, role) for video, role in chosen_videos(*arguments) if video.id in SHORT)

    monkeypatch.setattr(stavis, "chosen_videos", short)


@pytest.mark.parametrize("name", READERS)
def test_every_layout_is_read_right(name, five_frames, tmp_path):
    reader, folder = READERS[name]
    assert dataset_class(name) is reader
    first, second = (video.id for video in listed_videos(name)[:2])
    for video in (first, second):
        add_video(tmp_path, folder, video, 5)
    dataset = open_dataset(name, tmp_path)
    recordings = list(dataset)
    assert [recording.id for recording in recordings] == [first, second]
    assert len(dataset.problems) == reader.info.num_recordings - 2
    recording = recordings[0]
    assert (recording.dataset, recording.num_frames, recording.frame_rate) == (name, 5, 25.0)
    assert sorted(path.name for path in recording.frames.iterdir()) == [
        f"img_{i:05d}.jpg" for i in range(1, 6)
    ]
    assert soundfile.info(recording.audio).duration == pytest.approx(0.2, abs=1e-3)
    fixations = recording.load_fixations()
    assert fixations.size == SIZE
    # files count from 1, frames from 0
    np.testing.assert_array_equal(fixations.frame, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    np.testing.assert_allclose(fixations.at(2).y, [0.5, 3.5])
    np.testing.assert_allclose(fixations.at(2).x, [0.5, 3.5])
    assert fixations.observers == (-1,)
    density = recording.load_density(4)
    assert density.dtype == np.float32
    np.testing.assert_allclose(density, np.full(SIZE, 10), atol=1)


def test_facts_name_citation_licence_and_the_unstated_blur():
    for name, (reader, _) in READERS.items():
        info = reader.info
        assert (info.name, info.sound, info.gaze, info.sigma) == (name, True, "eye", "not stated")
        assert info.num_recordings == len(listed_videos(name))
        assert info.num_frames == sum(video.num_frames for video in listed_videos(name))
        assert "STAViS" in info.citation
        assert "Licence:" in reader.__doc__
        assert "Errata:" in reader.__doc__


@pytest.mark.parametrize(("fold", "test"), [(1, "V41_Violin1"), (2, "V11_News4"), (3, "V37_Guitar2")])
def test_folds_give_the_published_roles(avad_once, fold, test):
    dataset = Avad(avad_once, fold=fold)
    roles = {recording.id: recording.split for recording in dataset}
    assert roles == {name: "test" if name == test else "train" for name in SHORT}
    assert len(dataset.problems) == 42
    assert [recording.id for recording in Avad(avad_once, fold=fold, split="test")] == [test]
    assert {recording.split for recording in Avad(avad_once)} == {None}


def test_recordings_can_be_sent_to_worker_processes(avad_once):
    recording = next(iter(Avad(avad_once)))
    again = pickle.loads(pickle.dumps(recording))
    np.testing.assert_array_equal(again.load_fixations().x, recording.load_fixations().x)
    np.testing.assert_array_equal(again.load_density(3), recording.load_density(3))


def test_v11_news4_has_a_frame_more_than_maps_and_the_first_125_are_used(avad):
    write_image(avad / "video_frames" / "AVAD" / "V11_News4" / "img_00126.jpg", np.zeros((*SIZE, 3)))
    dataset = Avad(avad)
    news = {recording.id: recording for recording in dataset}["V11_News4"]
    assert news.num_frames == 125
    assert len(dataset.notes) == 1
    assert "125 density maps" in dataset.notes[0]
    assert "126 frames; the first 125 are used" in dataset.notes[0]
    assert news.load_fixations().frame.max() == 124


def damage_missing_wav(video):
    (video("video_audio") / "V37_Guitar2.wav").unlink()
    return r"expected the sound at .*V37_Guitar2\.wav but there is none; extract"


def damage_empty_wav(video):
    soundfile.write(video("video_audio") / "V37_Guitar2.wav", np.zeros(0), 22050)
    return r"V37_Guitar2\.wav holds no sample"


def damage_broken_wav(video):
    (video("video_audio") / "V37_Guitar2.wav").write_bytes(b"<html>not found</html>")
    return r"V37_Guitar2\.wav is no readable sound file .*again"


def damage_missing_map(video):
    (video("annotations") / "maps" / "eyeMap_00050.jpg").unlink()
    return (
        r"density maps numbered from 1 without a hole .* but eyeMap_00050\.jpg is missing \(125 files up to"
    )


def damage_missing_points(video):
    (video("annotations") / "fixMap_00001.mat").unlink()
    return r"fixMap_00001\.mat is missing"


def damage_counts(video):
    for number in range(120, 127):
        (video("annotations") / "maps" / f"eyeMap_{number:05d}.jpg").unlink()
    return (
        r"expected as many of each but found 126 frames in the published list, 119 density maps, 126 fixation"
    )


def damage_too_many(video):
    for number in range(127, 190):
        write_image(video("video_frames") / f"img_{number:05d}.jpg", np.zeros((*SIZE, 3)))
    return r"126 fixation maps, 189 frames; extract the video again"


def damage_no_frames(video):
    shutil.rmtree(video("video_frames"))
    return r"expected frames img_00001\.jpg .* but there is no such folder; extract"


def damage_zero_based(video):
    write_image(video("video_frames") / "img_00000.jpg", np.zeros((*SIZE, 3)))
    return r"numbered from 1 .* but img_00000\.jpg is too much"


def damage_empty_maps(video):
    shutil.rmtree(video("annotations") / "maps")
    (video("annotations") / "maps").mkdir()
    return r"expected density maps eyeMap_00001\.jpg .* but found none; extract"


@pytest.mark.parametrize(
    "damage",
    [
        damage_missing_wav,
        damage_empty_wav,
        damage_broken_wav,
        damage_missing_map,
        damage_missing_points,
        damage_no_frames,
        damage_zero_based,
        damage_empty_maps,
    ],
)
def test_damage_is_one_clear_line_and_strict_makes_it_an_error(avad, three_videos, damage):
    pattern = damage(lambda part: avad / part / "AVAD" / "V37_Guitar2")
    dataset = Avad(avad)
    assert {recording.id for recording in dataset} == {"V41_Violin1", "V11_News4"}
    (line,) = dataset.problems
    assert re.match(f"V37_Guitar2: .*{pattern}", line)
    assert "\n" not in line
    with pytest.raises(
        DatasetError, match=f"no usable recording below .*; the first problem: {re.escape(line)}"
    ):
        list(Avad(avad, fold=3, split="test"))
    with pytest.raises(DatasetError, match=f"AVAD: V37_Guitar2: .*{pattern}"):
        list(Avad(avad, fold=3, split="test", strict=True))


@pytest.mark.parametrize("damage", [damage_counts, damage_too_many])
def test_counts_that_differ_are_told_and_the_smallest_is_used(avad, three_videos, damage):
    damage(lambda part: avad / part / "AVAD" / "V37_Guitar2")
    dataset = Avad(avad, strict=True)
    found = {recording.id: recording.num_frames for recording in dataset}
    assert set(found) == set(SHORT)
    (note,) = [text for text in dataset.notes if text.startswith("V37_Guitar2")]
    assert f"the first {found['V37_Guitar2']} are used" in note


def test_lists_beside_the_tree_count_instead_of_the_published_ones(avad):
    (avad / "fold_lists").mkdir()
    for part, text in (
        ("train", "V41_Violin1 129 25.0V11_News4 125 29.97\n\n"),
        ("test", "V37_Guitar2 126 23.976"),
    ):
        for fold in (1, 2, 3):
            (avad / "fold_lists" / f"AVAD_list_{part}_{fold}_fps.txt").write_text(text)
    train = Avad(avad, fold=2, split="train")
    assert [(one.id, one.frame_rate) for one in train] == [("V41_Violin1", 25.0), ("V11_News4", 29.97)]
    assert any("lack 42" in note for note in train.notes)
    assert [one.id for one in Avad(avad, fold=1, split="test")] == ["V37_Guitar2"]
    (avad / "fold_lists" / "AVAD_list_test_3_fps.txt").write_text("V41_Violin1 129 25.0")
    with pytest.raises(DatasetError, match="V41_Violin1 is also in the other list of fold 3"):
        Avad(avad)


def test_a_folder_one_level_too_high_gets_a_hint(avad, tmp_path):
    with pytest.raises(DatasetError, match=rf"did you mean root={re.escape(str(avad))}"):
        load_dataset("avad", avad.parent)
    with pytest.raises(DatasetError, match=rf"did you mean root={re.escape(str(avad))}"):
        load_dataset("avad", avad / "annotations")


def test_strict_stops_at_the_first_missing_video(avad_once):
    with pytest.raises(DatasetError, match="V10_News3: expected density maps"):
        list(Avad(avad_once, strict=True))


def test_corrupt_gaze_is_left_out_and_counted_when_it_is_read(avad, three_videos):
    path = avad / "annotations" / "AVAD" / "V11_News4" / "fixMap_00100.mat"
    path.write_bytes(path.read_bytes()[:150])
    dataset = Avad(avad)
    assert {recording.id for recording, _ in dataset.with_gaze()} == {"V41_Violin1", "V37_Guitar2"}
    (line,) = [line for line in dataset.problems if line.startswith("V11_News4")]
    assert "fixMap_00100.mat is no readable MATLAB file" in line
    recording = next(recording for recording in dataset if recording.id == "V11_News4")
    with pytest.raises(DatasetError, match="fixMap_00100"):
        recording.load_fixations()
    with pytest.raises(DatasetError, match="fixMap_00100"):
        list(Avad(avad, fold=2, split="test", strict=True).with_gaze())


def test_a_mat_file_of_another_kind_and_a_broken_map_name_themselves(avad):
    write_mat(avad / "annotations" / "AVAD" / "V11_News4" / "fixMap_00002.mat", {"other": np.ones((3, 3))})
    broken = avad / "annotations" / "AVAD" / "V11_News4" / "maps" / "eyeMap_00007.jpg"
    broken.write_bytes(broken.read_bytes()[:40])
    recording = next(recording for recording in Avad(avad) if recording.id == "V11_News4")
    with pytest.raises(
        DatasetError, match=r"fixMap_00002\.mat: expected the variable `eyeMap` but found other"
    ):
        recording.load_fixations()
    with pytest.raises(DatasetError, match=r"eyeMap_00007\.jpg"):
        recording.load_density(6)
    with pytest.raises(DatasetError, match="125"):
        recording.load_density(125)


def test_sound_that_ends_early_is_noted(avad):
    write_wav(avad / "video_audio" / "AVAD" / "V11_News4" / "V11_News4.wav", seconds=3.5)
    dataset = Avad(avad)
    assert len(list(dataset)) == 3
    (note,) = dataset.notes
    assert "V11_News4.wav ends after 3.50 s, the pictures after 5.00 s" in note


def test_wrong_root_says_what_to_give_instead(avad_once, tmp_path):
    with pytest.raises(DatasetError, match=r"expected a folder at .*nowhere"):
        Avad(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"expected `annotations.AVAD`.*give the folder that holds"):
        Avad(avad_once / "annotations")
    with pytest.raises(DatasetError, match=r"expected `annotations.SumMe`"):
        Summe(avad_once)


def test_wrong_options_are_refused(avad_once):
    with pytest.raises(ConfigError, match="fold=1, 2 or 3"):
        Avad(avad_once, split="test")
    with pytest.raises(ConfigError, match="no val"):
        Avad(avad_once, split="val", fold=1)
    with pytest.raises(ConfigError, match="`split` must be one of train, val, test"):
        Avad(avad_once, split="training", fold=1)
    with pytest.raises(ConfigError, match="no option 'protocol'"):
        open_dataset("avad", avad_once, protocol="diem20")


def test_videos_take_the_place_of_frames_and_sound(five_frames, tmp_path):
    add_video(tmp_path / "tree", "Coutrot_db1", "clip1", 5)
    add_video(tmp_path / "tree", "Coutrot_db1", "clip10", 5)
    for part in ("video_frames", "video_audio"):
        shutil.rmtree(tmp_path / "tree" / part)
    video = write_video(tmp_path / "ERB3_Stimuli" / "clip_1.avi", num_frames=6)
    write_video(tmp_path / "ERB3_Stimuli" / "clip_10.avi", num_frames=5, sound=False)
    dataset = Coutrot1(tmp_path / "tree", videos=tmp_path / "ERB3_Stimuli")
    (recording,) = dataset
    assert (recording.frames, recording.audio) == (video, video)
    assert (recording.frame_rate, recording.num_frames) == (None, 5)
    assert "6 frames in the video; the first 5 are used" in dataset.notes[0]
    assert any("clip_10.avi has no sound stream" in line for line in dataset.problems)
    with pytest.raises(DatasetError, match="no such folder"):
        Coutrot1(tmp_path / "tree", videos=tmp_path / "nowhere")


def test_diem_videos_are_found_as_released(five_frames, tmp_path):
    name = listed_videos("diem")[0].id
    add_video(tmp_path / "tree", "DIEM", name, 5)
    video = write_video(tmp_path / "diem" / name / "video" / f"{name}.mp4", num_frames=5)
    (recording,) = Diem(tmp_path / "tree", videos=tmp_path / "diem")
    assert (recording.frames, recording.num_frames) == (video, 5)


def test_diem20_takes_the_first_300_frames_and_reports_the_three_videos_that_stavis_left_out(tmp_path):
    name = "harry_potter_6_trailer_1280x544"
    length = {video.id: video.num_frames for video in listed_videos("diem")}[name]
    add_video(tmp_path, "DIEM", "ami_ib4010_left_720x576", 310)
    folder = tmp_path / "annotations" / "DIEM" / name
    source = tmp_path / "annotations" / "DIEM" / "ami_ib4010_left_720x576"
    for number in range(1, length + 1):  # links, for the video is long
        for part in ("maps/eyeMap_{}.jpg", "fixMap_{}.mat"):
            target = folder / part.format(f"{number:05d}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(source / part.format(f"{1 + number % 300:05d}"))
        frame = tmp_path / "video_frames" / "DIEM" / name / f"img_{number:05d}.jpg"
        frame.parent.mkdir(parents=True, exist_ok=True)
        frame.hardlink_to(tmp_path / "video_frames" / "DIEM" / "ami_ib4010_left_720x576" / "img_00001.jpg")
    write_wav(tmp_path / "video_audio" / "DIEM" / name / f"{name}.wav", seconds=length / 29.9997)
    dataset = Diem(tmp_path, protocol="diem20")
    recordings = list(dataset)
    assert {recording.id for recording in recordings} == {name, "ami_ib4010_left_720x576"}
    assert {(recording.num_frames, recording.split) for recording in recordings} == {(300, "test")}
    assert {recording.load_fixations().frame.max() for recording in recordings} == {299}
    assert len(dataset.problems) == 18
    assert any(line.startswith("news_tony_blair_resignation_720x540") for line in dataset.problems)
    with pytest.raises(ConfigError, match="only test videos"):
        Diem(tmp_path, protocol="diem20", split="train")
