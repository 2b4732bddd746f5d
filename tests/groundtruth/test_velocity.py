import itertools

import numpy as np
import pytest

from avsal.errors import DatasetError
from avsal.groundtruth import degrees_of_visual_angle, events_by_velocity, gaze_velocity
from avsal.types import ScreenGeometry

SCREEN = ScreenGeometry((900, 1440), (29.6, 47.4), 68.0)
RATE = 250.0


def recording(seed=0, fixations=12, blinks=2):
    """Fixations of 80-500 ms with tremor, joined by saccades of 28 ms, at 250 Hz; NaN in blinks."""
    rng = np.random.default_rng(seed)
    targets = rng.uniform([200, 150], [1240, 750], (fixations, 2))
    parts = []
    for here, there in itertools.pairwise(targets):
        stay = int(rng.uniform(0.08, 0.5) * RATE)
        parts.append(here + rng.normal(0, 0.6, (stay, 2)))
        parts.append(here + (there - here) * np.linspace(0, 1, 9)[1:-1, None])
    gaze = np.concatenate(parts)
    for start in rng.integers(20, len(gaze) - 60, blinks):
        gaze[start : start + 25] = np.nan
    return np.arange(len(gaze)) / RATE, gaze[:, 0], gaze[:, 1]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threshold", [20.0, 30.0, 60.0])
def test_events_are_those_of_pymovements(seed, threshold):
    pymovements = pytest.importorskip("pymovements")
    time, x, y = recording(seed)
    experiment = pymovements.Experiment(
        screen_width_px=1440,
        screen_height_px=900,
        screen_width_cm=47.4,
        screen_height_cm=29.6,
        distance_cm=68.0,
        origin="upper left",
        sampling_rate=RATE,
    )
    milliseconds = np.rint(time * 1000).astype(np.int64)
    gaze = pymovements.gaze.from_numpy(
        time=milliseconds, pixel=np.stack([x, y]), experiment=experiment, time_unit="ms"
    )
    gaze.pix2deg()
    gaze.pos2vel("neighbors")
    gaze.detect("ivt", velocity_threshold=threshold, minimum_duration=100)
    theirs = gaze.events.frame.select(["onset", "offset"]).to_numpy()
    ours = events_by_velocity(time, x, y, SCREEN, threshold=threshold, minimum_duration=0.1, window=0)
    assert len(theirs) > 2
    np.testing.assert_allclose(ours.start * 1000, theirs[:, 0], atol=1e-6)
    np.testing.assert_allclose((ours.start + ours.duration) * 1000, theirs[:, 1], atol=1e-6)


def test_velocity_of_a_steady_movement_is_its_speed_in_degrees_a_second():
    time = np.arange(50) / RATE
    degrees = -4 + 10 * time
    x = 720 + np.tan(np.radians(degrees)) * SCREEN.distance_cm * 1440 / 47.4
    for window, reach in ((0, 1), (0.016, 2), (0.03, 4), (0.1, 12)):
        velocity = gaze_velocity(time, x, np.full(50, 450.0), SCREEN, window=window)
        np.testing.assert_allclose(velocity[reach:-reach], 10, rtol=1e-9)
        assert np.isnan(velocity[:reach]).all()
        assert np.isnan(velocity[-reach:]).all()


def test_window_longer_than_the_recording_measures_nothing():
    assert np.isnan(gaze_velocity(np.arange(5) / RATE, np.ones(5), np.ones(5), SCREEN, window=1)).all()


def test_a_longer_window_is_less_moved_by_noise():
    noise = np.random.default_rng(0).normal(500, 2, (2, 1000))
    speeds = [
        np.nanmean(gaze_velocity(np.arange(1000) / RATE, *noise, SCREEN, window=w)) for w in (0, 0.016, 0.032)
    ]
    np.testing.assert_allclose(np.array(speeds) / speeds[0], [1, 1 / 2, 1 / 4], rtol=0.05)


def test_angle_is_zero_at_the_centre_and_exact_at_the_edge():
    across, down = degrees_of_visual_angle([720, 1440], [450, 0], SCREEN)
    assert across == pytest.approx([0, np.degrees(np.arctan(23.7 / 68))])
    assert down == pytest.approx([0, -np.degrees(np.arctan(14.8 / 68))])


def test_a_blink_is_never_bridged():
    time = np.arange(250) / RATE
    x, y = np.full(250, 700.0), np.full(250, 400.0)
    x[120] = np.nan
    found = events_by_velocity(time, x, y, SCREEN)
    np.testing.assert_allclose(found.start, [time[4], time[125]])
    np.testing.assert_allclose(found.start + found.duration, [time[115], time[245]])
    assert found.dropped == {"samples without a position": 1, "samples beside a gap": 16}
    found = events_by_velocity(time, x, y, SCREEN, window=0)
    np.testing.assert_allclose(found.start, [time[1], time[122]])
    np.testing.assert_allclose(found.start + found.duration, [time[118], time[248]])


def test_a_hole_in_the_time_stamps_is_never_bridged():
    time = np.concatenate([np.arange(100), np.arange(150, 250)]) / RATE
    still = np.full(200, 500.0)
    found = events_by_velocity(time, still, still, SCREEN)
    assert len(found) == 2
    np.testing.assert_allclose(found.start, [time[4], time[104]])
    np.testing.assert_allclose(found.start + found.duration, [time[95], time[195]])


def test_short_fixations_are_dropped_and_their_samples_counted():
    time, x, y = recording(1, blinks=0)
    everything = events_by_velocity(time, x, y, SCREEN, minimum_duration=0)
    longer = events_by_velocity(time, x, y, SCREEN, minimum_duration=0.2)
    kept = everything.duration >= 0.2
    np.testing.assert_array_equal(longer.start, everything.start[kept])
    lost = np.rint(everything.duration[~kept] * RATE).astype(int) + 1
    assert longer.dropped["samples of too short fixations"] == lost.sum()


def test_smooth_pursuit_stays_in_at_the_default_threshold():
    time = np.arange(250) / RATE
    x = 400 + 15 * SCREEN.pixels_per_degree * time
    found = events_by_velocity(time, x, np.full(250, 450.0), SCREEN, observer=7)
    assert len(found) == 1
    assert found.duration[0] == pytest.approx(time[-1] - 8 / RATE)
    assert found.observer.tolist() == [7]


def test_thirty_samples_a_second_are_refused_with_the_remedy():
    still = np.full(90, 500.0)
    with pytest.raises(DatasetError, match=r"60 samples a second or more but found 30.*supplied"):
        events_by_velocity(np.arange(90) / 30, still, still, SCREEN)


def test_gaze_without_a_single_fixation_gives_no_event():
    time = np.arange(100) / RATE
    lost = np.full(100, np.nan)
    assert len(events_by_velocity(time, lost, lost, SCREEN)) == 0
    assert len(events_by_velocity([], [], [], SCREEN)) == 0


def test_senseless_input_is_refused():
    with pytest.raises(ValueError, match="ascend"):
        gaze_velocity([0, 0.1, 0.1], [1, 1, 1], [1, 1, 1], SCREEN)
    with pytest.raises(ValueError, match="equally long"):
        gaze_velocity([0, 0.1], [1], [1, 1], SCREEN)
    with pytest.raises(ValueError, match="threshold"):
        events_by_velocity([0, 0.1], [1, 1], [1, 1], SCREEN, threshold=0)


@pytest.mark.data
def test_real_recordings_agree_with_the_events_of_their_tracker(shared_data):
    # the release states no viewing geometry: SCREEN is a guess of its size and distance
    agreement = {0.0: [], 0.03: []}
    for path in sorted((shared_data / "dhf1k" / "exportdata_train").glob("P*/P*_Trail002.txt")):
        rows = [line.split("\t") for line in path.read_text(errors="replace").splitlines()[1:]]
        time, x, y = np.array([[float(row[0]) / 1e6, float(row[5]), float(row[6])] for row in rows]).T
        fixated = np.array([row[7].startswith("F") for row in rows])
        lost = (x == 0) & (y == 0)
        x[lost] = y[lost] = np.nan
        for window, shares in agreement.items():
            found = events_by_velocity(time, x, y, SCREEN, window=window)
            ours = np.zeros(len(time), dtype=bool)
            for start, duration in zip(found.start, found.duration, strict=True):
                ours |= (time >= start) & (time <= start + duration)
            shares.append((ours == fixated)[~lost].mean())
    assert len(agreement[0.03]) == 17
    assert np.mean(agreement[0.03]) > 0.9
    assert np.mean(agreement[0.0]) < 0.75
