import numpy as np
import pytest
from fake_media import write_image
from gaze_recordings import made_recording

from avsal.evaluation import Evaluation, EvaluationSettings
from avsal.types import Fixations

SIZE = (48, 64)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Three folders of pictures in which a dot moves along a line of its own, followed by everybody."""
    root = tmp_path_factory.mktemp("moving")
    found = []
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    for number, row in enumerate((8, 24, 40)):
        places = [(row, 8 + 6 * frame) for frame in range(8)]
        for frame, (y, x) in enumerate(places):
            picture = 90 + 150 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 8)
            write_image(root / str(number) / f"{frame + 1:05d}.png", np.repeat(picture[..., None], 3, -1))
        gaze = np.array([(frame, x, y, who) for frame, (y, x) in enumerate(places) for who in range(5)])
        frame, x, y, who = gaze.T
        shown = Fixations(frame, x.astype(float), y.astype(float), who, SIZE)
        found.append(made_recording(str(number), shown, num_frames=8, video=str(root / "{}")))
    return found


def test_where_pictures_change_is_predicted_and_the_centre_where_they_do_not(recordings):
    settings = EvaluationSettings(metrics=("nss",), baselines=("centre_bias", "motion"))
    for result in Evaluation.prepare(recordings, settings).score():
        centre, motion = (result.baselines[row].values["nss"] for row in ("centre_bias", "motion"))
        assert motion[0] == pytest.approx(centre[0], abs=1e-4)  # nothing was shown before
        assert (motion[2:] > centre[2:] + 1).all()


def test_every_nth_frame_has_the_motion_that_it_has_among_all(recordings):
    def scored(every):
        settings = EvaluationSettings(metrics=("nss",), baselines=("motion",), every=every)
        return next(Evaluation.prepare(recordings, settings).score()).baselines["motion"]

    whole, sparse = scored(1), scored(3)
    assert sparse.frames.tolist() == [0, 3, 6]
    np.testing.assert_allclose(sparse.values["nss"], whole.values["nss"][::3])
