# make survey   set up everything, run the default survey, say where the report is
# make test     set up everything, run all tests
# make bench    print how fast it is here
# make audit-lock   ask pip-audit's services about the locked dependencies (needs pip-audit and a network)
# make lock     resolve the dependencies anew (needs uv)
VENV ?= .venv
PYTHON ?= python3
READY = $(VENV)/.ready

.PHONY: survey test bench lock audit-lock clean

survey: $(READY)
	$(VENV)/bin/qscore run

test: $(READY)
	$(VENV)/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: $(READY)
	$(VENV)/bin/python -m pytest -q -o addopts= -p no:xdist benchmarks/bench_speed.py --benchmark-columns=min,median,rounds
	$(VENV)/bin/python benchmarks/kernel.py
	$(VENV)/bin/python benchmarks/startup.py
	$(VENV)/bin/python benchmarks/entry.py
	$(VENV)/bin/python benchmarks/scores.py --threads 1 2
	$(VENV)/bin/python benchmarks/capsid.py
	$(VENV)/bin/python benchmarks/memory.py --only 256
	$(VENV)/bin/python benchmarks/page.py
	$(VENV)/bin/python benchmarks/audit.py
	$(VENV)/bin/python benchmarks/archive.py --pairs 2000
	$(VENV)/bin/python benchmarks/catalogue.py
	$(VENV)/bin/python benchmarks/download.py

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is %s (make PYTHON=python3.12 …)" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock:
	uv pip compile pyproject.toml --quiet --extra test --extra bench --extra build --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header -o requirements.lock

# --strict: a dependency that a service does not know is a failure, not a clean one.
audit-lock:
	pip-audit --strict --requirement requirements.lock --no-deps --disable-pip --vulnerability-service pypi
	pip-audit --strict --requirement requirements.lock --no-deps --disable-pip --vulnerability-service osv

clean:
	rm -rf $(VENV) results/demo
