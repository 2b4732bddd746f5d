import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avsal.clips import dealt, grouped, planned_steps
from avsal.errors import ConfigError


class Clips:
    """Stands for a dataset."""

    def __init__(self, count, seed=7):
        self.count, self.seed = count, seed

    def __len__(self):
        return self.count


videos = st.lists(st.sampled_from([None, 800, 960, 1000]), min_size=1, max_size=40)


@settings(deadline=None, max_examples=60)
@given(videos, st.integers(1, 12), st.integers(1, 5), st.integers(1, 6), st.integers(0, 3))
def test_every_clip_counts_once_whoever_takes_it_and_groups_have_one_length(
    lengths, size, parts, ranks, epoch
):
    steps = planned_steps(Clips(len(lengths)), epoch, size)
    assert all(len(step) == size for step in steps[:-1])
    assert sorted(index for step in steps for index in step) == list(range(len(lengths)))
    most = -(-size // parts)
    for step in steps:
        groups = grouped(step, most, lambda index: lengths[index])
        assert all(len({lengths[index] for index in group}) == 1 for group in groups)
        assert all(len(group) <= most for group in groups)
        shares = [dealt(groups, rank, ranks) for rank in range(ranks)]
        assert all(shares)
        counting = [group for share in shares for group in share if group.counts]
        assert sorted(index for group in counting for index in group.clips) == sorted(step)
        numbers = sorted(group.number for share in shares for group in share)
        assert numbers == list(range(len(numbers)))
        if ranks <= len(groups):  # then no group is divided: batch norm sees the same
            assert sorted(group.clips for group in counting) == sorted(groups)


def test_epochs_and_seeds_differ_and_can_be_planned_again():
    orders = {str(planned_steps(Clips(40, seed), epoch, 4)) for epoch in range(3) for seed in range(3)}
    assert len(orders) == 9
    assert planned_steps(Clips(40), 2, 4) == planned_steps(Clips(40), 2, 4)
    steps = planned_steps(Clips(5), 2, 2)
    assert [len(step) for step in steps] == [2, 2, 1]
    assert sorted(clip for step in steps for clip in step) == [0, 1, 2, 3, 4]


def test_impossible_numbers_are_refused():
    with pytest.raises(ConfigError, match="`batch_size` must be at least 1"):
        planned_steps(Clips(1), 0, 0)
    with pytest.raises(ConfigError, match="`process`"):
        dealt([[1]], 2, 2)
