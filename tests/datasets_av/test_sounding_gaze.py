import numpy as np
import pytest

from datasets_av.sounding_objects import Ceilings, Observers, ceilings
from datasets_av.sounding_objects.expected_gaze import expected_gaze
from datasets_av.sounding_objects.scene import Turns, draw_scene

SIZE = (64, 112)


def nss(saliency, gaze):
    rows, columns = gaze.rows_and_columns()
    return ((saliency - saliency.mean()) / saliency.std())[rows, columns].mean()


def auc(saliency, gaze):
    """Share of (fixation, pixel) pairs in which the fixation has the higher value, ties half."""
    positives, negatives = saliency[gaze.rows_and_columns()], saliency.ravel()
    above = (positives[:, None] > negatives).mean() + 0.5 * (positives[:, None] == negatives).mean()
    return float(above)


def video(seed, setting="decides", observers=None, num_frames=32, switch_every=4.0):
    observers = observers or Observers()
    rng = np.random.default_rng(seed)
    scene = draw_scene(
        rng, "synchrony", num_frames=num_frames, size=SIZE, frame_rate=25.0, switch_every=switch_every
    )
    centre = np.broadcast_to([SIZE[1] / 2, SIZE[0] / 2], (num_frames, 1, 2))
    aims = np.concatenate([scene.tracks, centre], axis=1)
    attended = scene.turns
    if setting == "irrelevant":
        attended = Turns.draw(rng, scene.num_objects, scene.seconds, switch_every)
    gaze = observers.look(rng, attended, aims, scene.times, SIZE, 1.0)
    return scene, gaze, expected_gaze(setting, observers, attended, aims, scene.times, SIZE, 1.0)


def test_observers_look_where_the_expected_weights_say_also_around_turns():
    observers = Observers(num=6000, scatter=0.01)
    scene, gaze, expected = video(3, observers=observers, num_frames=120, switch_every=1.5)
    assert len(scene.turns.starts) >= 3
    points = np.stack([gaze.x, gaze.y], axis=-1).reshape(120, 6000, 2)
    distance = np.linalg.norm(points[:, :, None] - expected.aims[:, None], axis=-1)
    assert distance.min(axis=-1).max() < 0.1
    share = (distance < 0.1).mean(axis=1)
    np.testing.assert_allclose(share, expected.weights, atol=4 * np.sqrt(0.25 / 6000))


def test_gaze_starts_at_the_centre_and_has_found_the_sound_after_the_longest_latency():
    scene, _, expected = video(1)
    heard = scene.heard[0]
    assert expected.weights[0, -1] == 1
    assert expected.weights[5, -1] == pytest.approx(1)
    np.testing.assert_allclose(expected.weights[scene.times >= 0.4, heard], 0.85)
    np.testing.assert_allclose(expected.weights[-1].sum() - 0.85 - 0.05, 0.10)
    np.testing.assert_allclose(expected.weights.sum(axis=1), 1)


def test_after_a_turn_observers_leave_within_the_range_of_latencies():
    scene, _, expected = video(3, num_frames=120, switch_every=1.5)
    switch = scene.turns.starts[1]
    old, new = scene.turns.objects[:2]
    before = np.searchsorted(scene.times, switch + 0.2) - 1
    after = np.searchsorted(scene.times, switch + 0.4)
    assert expected.weights[before, old] == pytest.approx(0.85)
    assert expected.weights[after, new] == pytest.approx(0.85)
    halfway = np.argmin(np.abs(scene.times - switch - 0.3))
    assert 0.2 < expected.weights[halfway, new] < 0.7


def test_one_latency_for_all_is_allowed():
    observers = Observers(latency=(0.28, 0.28), num=50)
    scene, gaze, expected = video(2, observers=observers)
    assert set(np.round(np.unique(expected.weights[:, scene.heard[0]]), 6)) == {0.0, 0.85}
    assert len(gaze) + gaze.dropped["beyond the frame"] == 50 * 32


def test_gaze_is_scattered_as_stated_and_steady_within_a_fixation():
    observers = Observers(num=800, attended=1.0, others=0.0)
    scene, gaze, _ = video(4, observers=observers)
    assert gaze.dropped["beyond the frame"] < 0.001 * 800 * 32
    late = gaze.select(scene.times[gaze.frame] > 0.5)
    track = scene.tracks[late.frame, scene.heard[0]]
    assert (late.x - track[:, 0]).std() == pytest.approx(3.5, rel=0.05)
    assert (late.y - track[:, 1]).std() == pytest.approx(3.5, rel=0.05)
    one = late.select(late.observer == 7)
    step = np.abs(np.diff(one.x - scene.tracks[one.frame, scene.heard[0], 0]))
    # fixations last 5 to 12.5 frames of 25 a second
    assert 1 <= (step > 1e-9).sum() <= 4


def test_the_target_is_a_density_about_the_aims():
    _, _, expected = video(5)
    density = expected.density(-1)
    np.testing.assert_array_equal(density, expected.density(31))
    assert density.sum() == pytest.approx(1, abs=1e-5)
    y, x = np.indices(SIZE) + 0.5
    plain = sum(
        weight * np.exp(-((x - ax) ** 2 + (y - ay) ** 2) / (2 * 5.0**2))
        for weight, (ax, ay) in zip(expected.weights[-1], expected.aims[-1], strict=True)
    )
    np.testing.assert_allclose(density, plain / plain.sum(), rtol=1e-4, atol=1e-9)


def test_what_can_be_known_depends_on_the_setting():
    _, _, decides = video(6, "decides")
    np.testing.assert_array_equal(decides.weights_with_sound, decides.weights)
    objects = decides.weights_without_sound[:, :-1]
    np.testing.assert_allclose(np.ptp(objects, axis=1), 0)
    _, _, visible = video(6, "visible")
    np.testing.assert_array_equal(visible.weights_without_sound, visible.weights)
    _, _, irrelevant = video(6, "irrelevant")
    np.testing.assert_array_equal(irrelevant.weights_with_sound, irrelevant.weights_without_sound)
    for gaze in (decides, visible, irrelevant):
        assert gaze.best_map(-1, sound=True).sum() == pytest.approx(1, abs=1e-5)


@pytest.fixture(scope="module")
def scores():
    """Measured scores of the best maps by number of objects: {K: {(metric, sound, sigma): values}}."""
    table = {K: {} for K in (2, 3, 4)}
    for seed in range(450):
        scene, gaze, expected = video(seed)
        last, target = gaze.at(31), expected.density(-1)
        for sigma in (5.0, 3.5):
            for sound in (False, True):
                best = expected.best_map(-1, sound=sound, sigma=sigma).astype(np.float64)
                row = table[scene.num_objects]
                row.setdefault(("nss", sound, sigma), []).append(nss(best, last))
                row.setdefault(("auc_judd", sound, sigma), []).append(auc(best, last))
                row.setdefault(("cc", sound, sigma), []).append(
                    np.corrcoef(best.ravel(), target.ravel())[0, 1]
                )
    return {K: {key: np.array(values) for key, values in row.items()} for K, row in table.items()}


@pytest.mark.parametrize("num_objects", [2, 3, 4])
@pytest.mark.parametrize(
    ("metric", "sigma", "tolerance"),
    [
        ("nss", 5.0, 0.02),
        ("nss", 3.5, 0.02),
        ("auc_judd", 5.0, 0.003),
        ("auc_judd", 3.5, 0.003),
        ("cc", 5.0, 0.02),
    ],
)
def test_closed_forms_agree_with_rendered_maps(scores, num_objects, metric, sigma, tolerance):
    expected = ceilings(num_objects, sigma=sigma)[metric]
    for sound, value in ((False, expected.without_sound), (True, expected.with_sound)):
        measured = scores[num_objects][metric, sound, sigma]
        error = 4 * measured.std() / np.sqrt(len(measured))
        assert measured.mean() == pytest.approx(value, abs=tolerance * value + error)


@pytest.mark.parametrize("num_objects", [2, 3, 4])
def test_sound_is_worth_more_the_more_objects_there_are(scores, num_objects):
    silent, sound = (scores[num_objects]["nss", heard, 5.0].mean() for heard in (False, True))
    assert sound / silent == pytest.approx(np.sqrt(num_objects) * 0.9, rel=0.05)


def test_maps_as_narrow_as_the_scatter_are_best_for_fixations_and_as_broad_as_the_target_for_density(scores):
    for K in (2, 3, 4):
        for sound in (False, True):
            gain = scores[K]["nss", sound, 3.5] - scores[K]["nss", sound, 5.0]
            assert gain.mean() == pytest.approx(0.064 * scores[K]["nss", sound, 5.0].mean(), rel=0.5)
            assert (scores[K]["cc", sound, 5.0] > scores[K]["cc", sound, 3.5]).all()
    assert ceilings(3, sigma=2.0)["nss"].with_sound < ceilings(3, sigma=3.5)["nss"].with_sound


def test_no_other_weighting_of_the_objects_beats_the_silent_ceiling():
    rng = np.random.default_rng(0)
    best, other = [], []
    for seed in range(250):
        scene, gaze, expected = video(seed)
        last, K = gaze.at(31), scene.num_objects
        best.append(nss(expected.best_map(-1, sound=False).astype(float), last))
        weights = rng.dirichlet(np.ones(K + 1))
        guess = type(expected)(
            expected.aims, np.tile(weights, (32, 1)), weights, weights, SIZE, expected.scatter, expected.sigma
        )
        other.append(nss(guess.density(-1).astype(float), last))
    assert np.mean(best) > np.mean(other) + 0.3


def test_one_object_scores_what_the_formula_says():
    s, f, area = 5.0, 3.5, 64 * 112
    r, m, v = s**2 / (s**2 + f**2), 2 * np.pi * s**2 / area, np.pi * s**2 / area
    single = (r - m) / np.sqrt(v - m**2)
    assert single == pytest.approx(6.34, abs=0.005)
    alone = ceilings(2, observers=Observers(attended=1.0, others=0.0))["nss"]
    assert alone.with_sound == pytest.approx(single)
    for K in (2, 3, 4):
        expected = ceilings(K)["nss"]
        assert expected.with_sound == pytest.approx(single * np.hypot(0.85, 0.1 / np.sqrt(K - 1)), rel=0.01)
        # the short formula leaves out that the map's mean is not far from 0 when the weight is spread
        assert expected.without_sound == pytest.approx(single * 0.95 / np.sqrt(K), rel=0.035)


def test_there_is_no_gap_where_sound_says_nothing_new():
    for setting in ("irrelevant", "visible"):
        for expected in ceilings(3, setting=setting).values():
            assert expected.with_sound == expected.without_sound
            assert np.isnan(expected.normalised_gain(1.0))
    nss_of = {
        setting: ceilings(3, setting=setting)["nss"] for setting in ("decides", "irrelevant", "visible")
    }
    assert nss_of["irrelevant"].without_sound == nss_of["decides"].without_sound
    assert nss_of["visible"].without_sound == nss_of["decides"].with_sound


def test_ceilings_do_not_depend_on_the_scale_of_the_frame():
    for metric, small in ceilings(4).items():
        large = ceilings(4, size=(256, 448))[metric]
        assert large.without_sound == pytest.approx(small.without_sound)
        assert large.with_sound == pytest.approx(small.with_sound)


def test_normalised_gain_is_zero_and_one_at_the_ceilings():
    pair = Ceilings(without_sound=3.5, with_sound=5.5)
    assert pair.normalised_gain(3.5) == 0
    assert pair.normalised_gain(5.5) == 1
    assert pair.normalised_gain(3.0) == -0.25
