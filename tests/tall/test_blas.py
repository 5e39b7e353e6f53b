"""The BLAS limit holds in every thread and ends with the last one out, whichever thread that is."""

from __future__ import annotations

import threading

import pytest

from rnla.tall import single_threaded_blas
from rnla.tall._blas import _controller


def threads():
    return [
        library.num_threads
        for library in _controller().lib_controllers
        if library.user_api == "blas"
    ]


@pytest.fixture(autouse=True)
def two_threads():
    """Start from two BLAS threads wherever the machine or the environment allows one only."""
    before = threads()
    with_two = _controller().limit(limits=2, user_api="blas")
    if set(threads()) != {2}:
        pytest.skip("this BLAS cannot be set to two threads")
    yield
    with_two.restore_original_limits()
    assert threads() == before


def in_thread(work):
    errors = []

    def guarded():
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def one_inside_two_after():
    with single_threaded_blas():
        assert set(threads()) == {1}
        with single_threaded_blas():
            assert set(threads()) == {1}
        assert set(threads()) == {1}
    assert set(threads()) == {2}


def test_the_limit_holds_in_this_thread_and_in_others():
    one_inside_two_after()
    in_thread(one_inside_two_after)
    one_inside_two_after()


def test_the_last_one_out_restores_even_if_another_came_in_first():
    outer = single_threaded_blas()
    outer.__enter__()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with single_threaded_blas():
            inside.set()
            leave.wait(10)
            assert set(threads()) == {1}

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)
    outer.__exit__(None, None, None)
    assert set(threads()) == {1}, "another thread is still inside"
    leave.set()
    thread.join()
    assert set(threads()) == {2}


def test_a_bare_limit_does_not_hold_in_a_second_thread():
    """The companion: what threadpoolctl does on its own, which the tests above must notice."""
    library = _controller().lib_controllers[0]
    if not hasattr(library, "clear_controlling_thread"):
        pytest.skip("this threadpoolctl lets every thread set limits")

    def bare():
        limiter = _controller().limit(limits=1, user_api="blas")
        held = set(threads()) == {1}
        limiter.restore_original_limits()
        assert not held

    in_thread(bare)
