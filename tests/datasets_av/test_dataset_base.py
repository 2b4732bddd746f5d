import numpy as np
import pytest

from avsal.errors import ConfigError, DatasetError
from avsal.types import Fixations, Recording
from datasets_av.dataset import Dataset, DatasetInfo, dataset_class, list_datasets, open_dataset

INFO = DatasetInfo("fake", "Fake", "nobody", "none", "nowhere.org", 3, None, False, "eye", "none")


def looked():
    return Fixations([0], [1.0], [1.0], [0], (4, 4))


def damaged():
    raise DatasetError("gaze.txt is damaged; download it again")


@pytest.fixture
def fake(monkeypatch):
    """A reader of three recordings: good, with damaged gaze, without gaze; and one file missing."""
    monkeypatch.setattr(Dataset, "classes", dict(Dataset.classes))

    class Fake(Dataset):
        info = INFO

        def _recordings(self):
            for name, gaze in (("a", looked), ("b", damaged), ("c", None)):
                yield Recording(name, "fake", self.root / name, load_fixations=gaze)
            self._note("a has a frame more than published")
            self._problem("d.avi is missing; extract it")

    return Fake


def test_readers_are_opened_by_name_with_their_options(fake, tmp_path):
    assert "fake" in list_datasets()
    assert dataset_class("fake") is fake
    dataset = open_dataset("fake", tmp_path, strict=False)
    assert [recording.id for recording in dataset] == ["a", "b", "c"]
    with pytest.raises(ConfigError, match="data set 'fake' takes no option 'fold': expected some of"):
        open_dataset("fake", tmp_path, fold=1)
    with pytest.raises(ConfigError, match=r"unknown data set 'fakes': .*did you mean 'fake'"):
        dataset_class("fakes")


def test_problems_and_notes_are_those_of_the_last_pass(fake, tmp_path):
    dataset = fake(tmp_path)
    for _ in range(2):
        list(dataset)
        assert dataset.problems == ["d.avi is missing; extract it"]
        assert dataset.notes == ["a has a frame more than published"]


def test_gaze_that_cannot_be_read_is_counted_when_it_is_read(fake, tmp_path):
    dataset = fake(tmp_path)
    pairs = list(dataset.with_gaze())
    assert [recording.id for recording, _ in pairs] == ["a"]
    np.testing.assert_array_equal(pairs[0][1].x, [1.0])
    assert dataset.problems == [
        "b: gaze.txt is damaged; download it again",
        "c has no gaze; leave it out or use it for prediction only",
        "d.avi is missing; extract it",
    ]


def test_strict_raises_on_the_first_problem(fake, tmp_path):
    with pytest.raises(DatasetError, match=r"Fake: d\.avi is missing"):
        list(fake(tmp_path, strict=True))
    with pytest.raises(DatasetError, match=r"Fake: b: gaze\.txt is damaged"):
        list(fake(tmp_path, strict=True).with_gaze())


def test_nothing_usable_is_an_error_that_tells_the_first_problem(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(fake, "_recordings", lambda self: (self._problem("e is missing"), iter(()))[1])
    with pytest.raises(
        DatasetError, match=r"Fake: no usable recording below .*; the first problem: e is missing"
    ):
        list(fake(tmp_path))

    def blind(self):
        yield Recording("f", "fake", self.root, load_fixations=damaged)

    monkeypatch.setattr(fake, "_recordings", blind)
    with pytest.raises(DatasetError, match=r"no recording with readable gaze below .*: f: gaze\.txt"):
        list(fake(tmp_path).with_gaze())


def test_missing_root_and_impossible_split_are_refused(fake, tmp_path):
    with pytest.raises(DatasetError, match=r"expected a folder at .*away.*where to get it: nowhere\.org"):
        fake(tmp_path / "away")
    with pytest.raises(ConfigError, match="`split` must be one of train, val, test but is 'dev'"):
        fake(tmp_path, split="dev")
