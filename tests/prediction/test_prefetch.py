import threading
import time

import pytest

from avsal.prediction.prefetch import Prefetcher


def workers():
    return [thread for thread in threading.enumerate() if thread.name == "avsal-ahead"]


def test_items_come_in_order_from_another_thread():
    made_in = []

    def items():
        for number in range(20):
            made_in.append(threading.current_thread())
            yield number

    with Prefetcher(items(), 3) as ahead:
        assert list(ahead) == list(range(20))
    assert threading.main_thread() not in made_in
    assert not workers()


def test_no_more_items_are_made_ahead_than_may_wait():
    made = []

    def items():
        for number in range(100):
            made.append(number)
            yield number

    with Prefetcher(items(), 4) as ahead:
        assert next(iter(ahead)) == 0
        time.sleep(0.3)
        assert len(made) <= 6  # taken, four waiting, one in hand
    assert not workers()


@pytest.mark.parametrize("error", [OSError("gone"), KeyboardInterrupt(), ValueError("bad")])
def test_errors_of_the_thread_are_raised_where_items_are_taken(error):
    def items():
        yield 1
        raise error

    taken = []
    with pytest.raises(type(error)), Prefetcher(items(), 2) as ahead:
        taken.extend(ahead)
    assert not workers()


def test_leaving_early_ends_the_thread_even_when_the_queue_is_full():
    def forever():
        while True:
            yield 0

    with Prefetcher(forever(), 1) as ahead:
        assert next(iter(ahead)) == 0
        time.sleep(0.05)
    assert not workers()
