import pickle

import pytest
from fake_media import write_video

from avsal.errors import ConfigError, DatasetError
from avsal.types import ScreenGeometry
from datasets_av.savam import SIZE, Savam, read_recording

START = 1_000_000_000
#: 1920x1080 on 53x30 cm, 60 cm away
SCREEN = ScreenGeometry(SIZE, (30.0, 53.0), 60.0)


def write_gaze(path, rows):
    """Rows of (microseconds after the start, left x, left y); the right eye is elsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{START + t}\t{x}\t{y}\t{x + 300}\t{y}\n" for t, x, y in rows))
    return path


@pytest.fixture
def root(tmp_path):
    write_video(tmp_path / "videos/v01_Hugo_2172_left.avi", num_frames=4, sound=False)
    gaze = tmp_path / "filtered_gaze_data"
    write_gaze(
        gaze / "v01_Hugo_2172_u007_f_23_1_fwd.txt", [(0, 100, 200), (20_000, 110, 200), (40_000, 500, 600)]
    )
    write_gaze(gaze / "v01_Hugo_2172_u007_f_23_2_bwd.txt", [(0, 0, 0), (80_000, 1919, 1079), (200_000, 5, 5)])
    write_gaze(gaze / "v01_Hugo_2172_u012_m_30_1_fwd.txt", [(0, 7, 8)])
    write_gaze(gaze / "v42_MSOffice_242_u012_m_30_1_fwd.txt", [(0, 7, 8)])
    return tmp_path


def test_the_left_eye_is_laid_on_the_left_view(root):
    dataset = Savam(root)
    (recording,) = dataset
    assert (recording.id, recording.split, recording.audio) == ("v01_Hugo_2172", None, None)
    fixations = pickle.loads(pickle.dumps(recording)).load_fixations()
    assert fixations.frame.tolist() == [0, 0, 1, 2]
    assert fixations.x.tolist() == [105, 7, 500, 1919]
    assert fixations.observer.tolist() == [7, 12, 7, 7]
    assert fixations.size == SIZE
    assert fixations.dropped == {"samples without a position": 1, "samples after the video": 1}
    assert "v42_MSOffice_242_left.mp4 (or .avi) but found none" in dataset.problems[0]


def test_with_a_screen_fixations_are_found_by_velocity(root):
    """250 Hz: 80 ms still, 40 ms lost, 80 ms still in the same place, a jump, 300 ms still."""
    still = [(4000 * i, 400, 400) for i in (*range(20), *range(30, 50))]
    lost = [(4000 * i, 0, 0) for i in range(20, 30)]
    again = [(4000 * i, 1400, 700) for i in range(50, 125)]
    path = root / "filtered_gaze_data/v01_Hugo_2172_u007_f_23_1_fwd.txt"
    write_gaze(path, sorted(still + lost + again))
    for other in ("u007_f_23_2_bwd", "u012_m_30_1_fwd"):
        (root / f"filtered_gaze_data/v01_Hugo_2172_{other}.txt").unlink()
    write_video(root / "videos/v01_Hugo_2172_left.avi", num_frames=12, sound=False)
    fixations = next(iter(Savam(root, geometry=SCREEN))).load_fixations()
    assert fixations.geometry == SCREEN
    assert set(zip(fixations.x.tolist(), fixations.y.tolist(), strict=True)) == {(1400, 700)}
    assert set(fixations.frame.tolist()) <= set(range(5, 13))
    assert len(fixations) >= 5
    assert fixations.dropped["samples without a position"] == 10
    assert fixations.dropped["samples of too short fixations"] > 20  # the loss is not bridged


def test_there_is_no_split_and_a_wrong_root_is_refused(root):
    with pytest.raises(ConfigError, match="SAVAM publishes no split"):
        Savam(root, split="train")
    with pytest.raises(DatasetError, match="expected `filtered_gaze_data` in"):
        Savam(root / "videos")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1000000000 1 2 3\n", "expected 5 columns .* but found 4"),
        ("1000000000 1 2 3 4\n1000004000 1 2\n", "is no table of numbers"),
        ("1000000000 1 2 x 4\n", "is no table of numbers"),
        ("", "expected 5 columns"),
        ("1000004000 1 2 3 4\n1000000000 1 2 3 4\n", "time stamps that ascend"),
    ],
)
def test_a_damaged_gaze_file_is_named(tmp_path, text, message):
    path = tmp_path / "gaze.txt"
    path.write_text(text)
    with pytest.raises(DatasetError, match=rf"gaze\.txt.*{message}"):
        read_recording(path, 1)
