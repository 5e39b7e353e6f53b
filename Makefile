# Two commands do everything on a bare machine with Python >= 3.11 and make:
#   make demo   sets up .venv and runs the main job on real data
#   make test   sets up .venv and runs the tests
# The others: make check (all of it, what CI runs), make slow, make bench, make docs, make format.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
export MPLBACKEND := Agg
export PYTHONDONTWRITEBYTECODE := 1

# Two pytest workers fill two cores; BLAS and row-block threads inside them would only compete.
TEST_ENV := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 RNLA_THREADS=1
PYTEST := $(TEST_ENV) $(RUN) -m pytest -n 2 --dist worksteal

.PHONY: demo test torch-test check slow bench docs format lint types contracts doctest wheel-test slow-check warmup clean

$(VENV)/.base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip
	$(RUN) -m pip install --quiet --editable ".[bench]"
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(RUN) -m pip install --quiet --editable ".[dev]"
	touch $@

# PyTorch and diffusers take gigabytes, so only the tests that need them install them.
$(VENV)/.torch: $(VENV)/.dev
	$(RUN) -m pip install --quiet "torch>=2.2" "diffusers>=0.31"
	touch $@

demo: $(VENV)/.base
	$(RUN) -m rnla.cli demo --out demo-output

# Kernels compile once, before two workers would both compile them.
warmup: $(VENV)/.dev
	$(RUN) -m rnla.cli warmup

test: warmup
	$(PYTEST) -m "not slow" tests

# Here a kernel check that cannot run is a failure, not a skip.
check: export RNLA_KERNEL_CHECKS := required
check: lint types contracts test slow-check doctest docs wheel-test demo torch-test

torch-test: $(VENV)/.torch
	$(PYTEST) -m "torch or not slow" tests/diffusion tests/test_digits_demo.py
	$(PYTEST) -k tensors tests/device/test_streaming.py

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# The wheel, unpacked: types and import contracts are checked on what users install, kernels included.
build/installed: $(VENV)/.dev $(shell find rnla kernels -name '*.py' -o -name '*.cu*' 2>/dev/null)
	rm -rf build dist
	$(RUN) -m build --wheel --outdir dist . >/dev/null
	$(RUN) -m pip install --quiet --no-deps --target build/installed dist/*.whl
	touch $@

types: build/installed
	cd build/installed && MYPYPATH=. $(abspath $(BIN))/mypy --config-file $(abspath pyproject.toml) -p rnla

contracts: build/installed
	cd build/installed && PYTHONPATH=. $(abspath $(BIN))/lint-imports --config $(abspath pyproject.toml) --no-cache

slow-check: warmup
	$(PYTEST) -m slow tests

slow: warmup
	RNLA_SLOW=full $(PYTEST) -m slow --timeout 36000 tests --statistics-table bench/results/statistics.json

doctest: $(VENV)/.dev
	$(TEST_ENV) $(RUN) -m pytest -q -p no:cacheprovider --doctest-modules --doctest-glob='*.rst' \
	  --doctest-glob='README.md' --doctest-continue-on-failure rnla docs README.md --ignore=docs/conf.py --ignore=docs/examples --ignore=docs/gallery \
	  --ignore=rnla/diffusion/adapters/diffusers.py

docs: $(VENV)/.dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

wheel-test: build/installed
	rm -rf build/wheel-test
	$(PYTHON) -m venv build/wheel-test/venv
	build/wheel-test/venv/bin/python -m pip install --quiet dist/*.whl pytest
	cp tests/test_installed.py build/wheel-test
	cd build/wheel-test && $(TEST_ENV) venv/bin/python -m pytest -q -p no:cacheprovider -c /dev/null --rootdir . test_installed.py

bench: $(VENV)/.torch
	$(RUN) -m bench.scores
	$(RUN) -m bench.sampling
	$(RUN) -m bench.streams
	$(RUN) -m bench.sample_complexity
	$(RUN) -m bench.promise
	$(RUN) -m bench.sketch
	$(RUN) -m bench.lstsq
	$(RUN) -m bench.ridge
	$(RUN) -m bench.lp_regression
	$(RUN) -m bench.quantile_regression
	$(RUN) -m bench.logistic
	$(RUN) -m bench.active
	$(RUN) -m bench.weighted_least_squares
	$(RUN) -m bench.approximate
	$(RUN) -m bench.stability
	$(RUN) -m bench.dpp
	$(RUN) -m bench.designs
	$(RUN) -m bench.calibration_experiments
	$(RUN) -m bench.calibration
	$(RUN) -m bench.diffusion
	$(RUN) -m bench.scaling

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist demo-output docs/_build docs/gallery docs/api/generated
