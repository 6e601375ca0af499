# Everything runs in .venv, made on first use from pinned and hashed requirements.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-emit-index-url --universal --python-version 3.11

.PHONY: help demo test check format translations validate benchmark lock clean
help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/.runtime ## simulate a month of QC on two units, analyse it and name the report
	$(BIN)/mammoqa demo --out demo-output

test: .venv/.test ## run the tests
	$(BIN)/python -m pytest

check: .venv/.test ## lint, formatting, types and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.test ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

LOCALE := src/mammoqa/service/locale
translations: .venv/.test ## find the texts of the pages, bring the catalogues up to date and compile them
	cd src/mammoqa && ../../$(BIN)/pybabel -q extract -F service/locale/babel.cfg -k N_ -k say --no-location \
		--sort-output --project mammoqa --copyright-holder "the mammoqa authors" --msgid-bugs-address mammoqa -o service/locale/mammoqa.pot .
	$(BIN)/pybabel -q update -i $(LOCALE)/mammoqa.pot -d $(LOCALE) -D mammoqa --no-fuzzy-matching \
		--ignore-obsolete
	$(BIN)/pybabel -q compile -d $(LOCALE) -D mammoqa

validate: .venv/.test ## reproduce the numbers in docs/validation
	$(BIN)/mammoqa validate all

benchmark: .venv/.test ## measure speed and memory
	$(BIN)/mammoqa benchmark all

.venv/.uv: requirements/uv.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/python -m pip uninstall --quiet --disable-pip-version-check --yes setuptools 2>/dev/null # nothing here uses it
	@touch $@

.venv/.runtime: .venv/.uv requirements/build.txt requirements/runtime.txt pyproject.toml
	$(UV) --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	$(UV) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.test: .venv/.runtime requirements/test.txt
	$(UV) --require-hashes -r requirements/test.txt
	@touch $@

lock: .venv/.uv ## pin the requirements again, within the bounds of pyproject.toml
	$(COMPILE) requirements/uv.in -o requirements/uv.txt
	$(COMPILE) requirements/build.in -o requirements/build.txt
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --extra service -c requirements/runtime.txt -o requirements/service.txt
	$(COMPILE) pyproject.toml --extra service --group test -c requirements/service.txt -o requirements/test.txt
	$(COMPILE) requirements/train-cpu.in -c requirements/test.txt -o requirements/train-cpu.txt
	$(COMPILE) pyproject.toml --extra cluster -c requirements/runtime.txt -o requirements/cluster.txt

clean: ## remove what the targets made, but for .venv
	rm -rf build dist demo-output .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
