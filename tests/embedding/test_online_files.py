"""Saved streams: going on after `load` changes no bit, damage is reported, a kill harms nothing."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import rnla
from rnla.embedding import OnlineEmbedding
from tests import families
from tests.counts import count
from tests.embedding.test_online import METHODS, fitted, make, pieces, same, streams


@settings(max_examples=40)
@given(streams(), st.integers(0, 300), st.booleans())
def test_saving_and_resuming_changes_no_bit(tmp_path_factory, stream, moment, merged):
    A, method, options, cuts = stream
    path = tmp_path_factory.mktemp("streams") / "state.npz"
    first = options.pop("first_row")
    whole = make(method, first_row=first + 100, **options)
    if merged:
        whole.merge(make(method, first_row=first, **options).partial_fit(A[:100]))
    for block in pieces(A[:moment], []):
        whole.partial_fit(block)
    whole.save(path)
    resumed = OnlineEmbedding.load(path)
    assert (resumed.ranges, resumed.next_row, resumed.held) == (
        whole.ranges,
        whole.next_row,
        whole.held,
    )
    assert resumed.options == whole.options
    rest = A[moment:]
    fitted(resumed, pieces(rest, [min(cut, rest.shape[0]) for cut in cuts]))
    fitted(whole, pieces(rest, []))
    assert same(resumed.result(), whole.result())
    # Once more, after the merge: the state itself is the same, not only what it shows.
    resumed.save(path)
    assert same(OnlineEmbedding.load(path).partial_fit(A).result(), whole.partial_fit(A).result())


def test_an_unused_stream_can_be_saved(tmp_path):
    for options in ({"eps": 0.3, "size": None}, {"rng": 2**70}, {"first_row": 9}):
        stream = OnlineEmbedding(1.5, **{"size": 20, **options})
        stream.save(tmp_path / "new")
        resumed = OnlineEmbedding.load(tmp_path / "new")
        assert (resumed.options, resumed.next_row) == (stream.options, stream.next_row)
    endless = OnlineEmbedding(1, size=20, method="online_lewis", max_size=float("inf"), rng=0)
    endless.partial_fit(np.eye(3)).save(tmp_path / "new")
    assert OnlineEmbedding.load(tmp_path / "new").options.max_size == float("inf")


def test_the_file_holds_what_the_documentation_says(tmp_path):
    A = families.gaussian(500, 3, 0)
    common = {"node_owner", "node_level", "node_size", "row", "probability", "summary_owner"}
    state = {"triangle", "row_exponents", "column_exponents", "scored_rows", "score_total"}
    for method in METHODS:
        stream = make(method, p=2.0).partial_fit(A)
        for rows, own in ((A, {"matrix"}), (sp.csr_array(A), {"data", "indices", "indptr"})):
            stream = make(method, p=2.0).partial_fit(rows)
            stream.save(tmp_path / "state.npz")
            with np.load(tmp_path / "state.npz", allow_pickle=False) as archive:
                summary = state if method.startswith("online") else {"gram"}
                assert set(archive.files) == common | summary | own | {"meta"}
                meta = json.loads(bytes(archive["meta"]).decode())
                assert set(meta) == {"format", "options", "next_row", "plan", "parts", "live"}
                assert meta["format"] == "rnla.OnlineEmbedding/1"
                assert archive["node_size"].sum() == archive["row"].size == stream.held


# --- Damage ---------------------------------------------------------------------------------------


def saved(path, method="online_lewis"):
    stream = make(method, p=2.0).partial_fit(families.gaussian(400, 3, 0))
    stream.merge(make(method, p=2.0, first_row=900).partial_fit(families.gaussian(90, 3, 1)))
    stream.partial_fit(families.gaussian(50, 3, 2)).save(path)
    return stream


def rewritten(path, change):
    """Replace arrays of the archive by what `change` makes of them, checksums included."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    change(arrays)
    with open(path, "wb") as file:
        np.savez(file, **arrays)


def with_meta(**changes):
    def change(arrays):
        meta = json.loads(bytes(arrays["meta"]).decode())
        for key, value in changes.items():
            *way, last = key.split("__")
            inner = meta
            for step in way:
                inner = inner[step]
            inner[last] = value
        arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)

    return change


def with_array(name, value):
    def change(arrays):
        arrays[name] = value(arrays[name])

    return change


def without(name):
    def change(arrays):
        del arrays[name]

    return change


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "change",
    [
        without("meta"),
        without("row"),
        without("matrix"),
        without("summary_owner"),
        with_meta(format="rnla.OnlineEmbedding/2"),
        with_meta(format="rnla.RowSample/1"),
        with_meta(options__p=0.5),
        with_meta(options__method="best"),
        with_meta(plan__columns=4),
        with_meta(plan__dtype="float32"),
        with_meta(live__stop=920),
        with_meta(live__start=100),
        with_meta(parts=[]),
        with_array("row", lambda x: x[::-1].copy()),
        with_array("row", lambda x: x + 10**6),
        with_array("row", lambda x: x.astype(str)),
        with_array("probability", lambda x: -x),
        with_array("probability", lambda x: x * np.nan),
        with_array("probability", lambda x: x[1:]),
        with_array("matrix", lambda x: x * np.inf),
        with_array("matrix", lambda x: x[:, :2]),
        with_array("matrix", lambda x: x.astype(np.float32)),
        with_array("node_size", lambda x: x + 1),
        with_array("node_owner", lambda x: x[1:]),
    ],
)
def test_contents_that_make_no_stream_are_damage(tmp_path, method, change):
    path = tmp_path / "state.npz"
    saved(path, method)
    rewritten(path, change)
    with pytest.raises(rnla.DamagedFileError, match=r"^path: got .*expected an archive written by"):
        OnlineEmbedding.load(path)


def test_cut_short_or_foreign_files_are_damage(tmp_path):
    path = tmp_path / "state.npz"
    expected = saved(path).result()
    content = path.read_bytes()
    generator = random.Random(0)
    for _ in range(40):
        cut = generator.randrange(len(content))
        path.write_bytes(content[:cut])
        with pytest.raises(rnla.DamagedFileError):
            OnlineEmbedding.load(path)
    for _ in range(60):
        # A changed byte is noticed by a checksum, or it is padding and changes nothing.
        place = generator.randrange(len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            assert same(OnlineEmbedding.load(path).result(), expected)
        except rnla.DamagedFileError:
            continue
    rnla.sample_rows(np.ones(9), 3, rng=0).save(path)
    with pytest.raises(rnla.DamagedFileError, match=r"rnla\.RowSample/1"):
        OnlineEmbedding.load(path)
    with pytest.raises(FileNotFoundError):
        OnlineEmbedding.load(tmp_path / "nothing.npz")


def test_pickled_objects_are_refused(tmp_path):
    path = tmp_path / "state.npz"
    saved(path)
    member = io.BytesIO()
    np.lib.format.write_array(member, np.array([{}], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("extra.npy", member.getvalue())
    with pytest.raises(rnla.DamagedFileError):
        OnlineEmbedding.load(path)


# --- Killed while saving --------------------------------------------------------------------------

SAVER = """
import sys
import numpy as np
from rnla.embedding import OnlineEmbedding

path = sys.argv[1]
block = np.random.default_rng(0).standard_normal((2000, 30))
OnlineEmbedding.load(path).partial_fit(block).save(path + ".first")  # compiles
stream = OnlineEmbedding.load(path)
print("ready", flush=True)
for k in range(10**6):
    stream.partial_fit(block)
    stream.save(path)
"""


def test_a_kill_while_saving_leaves_a_whole_file(tmp_path):
    """SIGKILL at random moments: every file that is found is a state of the stream."""
    path = tmp_path / "state.npz"
    OnlineEmbedding(1, size=400, method="online_lewis", rng=0).save(path)
    generator = random.Random(1)
    for _ in range(count(full=20, check=3)):
        child = subprocess.Popen(
            [sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout.readline() == "ready\n"
        time.sleep(generator.uniform(0.02, 0.35))
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        stream = OnlineEmbedding.load(path)
        assert stream.next_row == stream.seen
        assert stream.seen % 2000 == 0
    assert stream.seen > 0


def test_an_error_while_saving_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    stream = saved(path)
    before = path.read_bytes()

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        stream.partial_fit(np.ones((5, 3))).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["state.npz"]
