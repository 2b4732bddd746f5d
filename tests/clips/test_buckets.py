import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avsal.clips import BucketSampler
from avsal.errors import ConfigError


class Lengths:
    """Stands for a dataset: clips of which only the length of the sound is known."""

    def __init__(self, lengths, seed=7):
        self.lengths, self.seed, self.epoch = lengths, seed, 0

    def __len__(self):
        return len(self.lengths)

    def set_epoch(self, epoch):
        self.epoch = epoch

    def audio_samples(self, index):
        return self.lengths[index]


videos = st.lists(st.sampled_from([None, 800, 960, 1000]), min_size=1, max_size=60)


@settings(deadline=None, max_examples=60)
@given(videos, st.integers(1, 8), st.integers(1, 5), st.integers(0, 3), st.booleans())
def test_every_clip_is_given_out_once_in_equally_many_batches_a_rank(lengths, size, ranks, epoch, shuffle):
    dataset = Lengths(lengths)
    samplers = [
        BucketSampler(dataset, size, rank=rank, num_ranks=ranks, shuffle=shuffle) for rank in range(ranks)
    ]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    batches = [list(sampler) for sampler in samplers]
    assert len({len(part) for part in batches}) == 1
    assert [len(sampler) for sampler in samplers] == [len(part) for part in batches]
    given_out = [index for part in batches for batch in part for index in batch]
    fewest = sum(-(-lengths.count(length) // size) for length in set(lengths))
    needed = -(-fewest // ranks) * ranks
    assert len(batches[0]) == needed // ranks
    assert set(given_out) == set(range(len(lengths)))
    assert len(given_out) == max(len(lengths), needed)
    for part in batches:
        for batch in part:
            assert 1 <= len(batch) <= size
            assert len({lengths[index] for index in batch}) == 1


@settings(deadline=None, max_examples=30)
@given(videos, st.integers(1, 8), st.integers(1, 3), st.integers(0, 3))
def test_an_epoch_depends_on_seed_and_number_and_can_be_entered_anywhere(lengths, size, ranks, epoch):
    def batches(start=0, seed=7):
        sampler = BucketSampler(Lengths(lengths, seed), size, num_ranks=ranks)
        sampler.set_epoch(epoch, start)
        return list(sampler)

    whole = batches()
    assert batches() == whole
    for start in range(len(whole) + 1):
        assert batches(start) == whole[start:]


def test_epochs_and_seeds_differ():
    def order(epoch, seed):
        sampler = BucketSampler(Lengths([800] * 40, seed), 4)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert len({str(order(epoch, seed)) for epoch in range(3) for seed in range(3)}) == 9


def test_only_the_last_batch_of_a_length_is_smaller():
    sampler = BucketSampler(Lengths([800] * 10 + [None] * 7), 4)
    assert sorted(map(len, sampler)) == [2, 3, 4, 4, 4]


def test_batches_of_one_step_are_of_about_equal_size():
    samplers = [BucketSampler(Lengths([800] * 21), 4, rank=rank, num_ranks=2) for rank in range(2)]
    pairs = [sorted(map(len, step)) for step in zip(*samplers, strict=True)]
    assert sorted(pairs) == [[1, 4], [4, 4], [4, 4]]


def test_without_shuffling_clips_come_in_order():
    sampler = BucketSampler(Lengths([800, None, 800, 800, None]), 2, shuffle=False)
    for epoch in range(2):
        sampler.set_epoch(epoch)
        assert list(sampler) == [[0, 2], [3], [1, 4]]


def test_batches_are_in_random_order_over_lengths():
    sampler = BucketSampler(Lengths([800] * 40 + [None] * 40), 4)
    silent = [batch[0] >= 40 for batch in sampler]
    assert silent not in (sorted(silent), sorted(silent, reverse=True))


def test_impossible_numbers_are_refused():
    with pytest.raises(ConfigError, match="`batch_size` must be at least 1"):
        BucketSampler(Lengths([1]), 0)
    with pytest.raises(ConfigError, match="`rank`"):
        BucketSampler(Lengths([1]), 1, rank=2, num_ranks=2)
    with pytest.raises(ConfigError, match="has 2 batches but was to begin with number 3"):
        BucketSampler(Lengths([1] * 4), 2).set_epoch(1, start=3)
