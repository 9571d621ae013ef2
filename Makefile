# Each target sets up what it needs; what is set up already is not touched again.

.PHONY: help demo serve test test-ohif check bench bench-viewer guide-pictures pixel-truth firefox matrix fuzz crash contract lock sbom clean
SHELL := /bin/bash
BIN := .venv/bin
RUNTIME := .make/runtime
TESTING := .make/testing

# Images of build servers often set it, and then each of the hundreds of processes of `make test` compiles every module
# again, and each worker all tests: a third of the processor time.
unexport PYTHONDONTWRITEBYTECODE

help:
	@echo "make demo [STUDY=path]  a gateway with an invented patient, or with the study at path"
	@echo "make serve              the gateway as config.toml says"
	@echo "make test               all tests, and the types of the scripts"
	@echo "make test-ohif          the viewer OHIF as a client, fetched by npm (50 MB)"
	@echo "make check              formatting, lint, types, layers"
	@echo "make bench [BENCH='retrieve --rounds 3']  measurements beside DCMTK, Orthanc and nginx: ingest, or another one"
	@echo "make bench-viewer       the budgets of the patient's viewer behind a slow line, and OHIF beside it"
	@echo "make guide-pictures     the pictures of the user guide, of an invented patient, into docs/pictures"
	@echo "make pixel-truth        every frame of every image of the shared data, in Chromium and in Firefox, against pydicom"
	@echo "make firefox [TESTS=path]  axe on every page, the doctor's tools, views and sending in, in Firefox instead of Chromium"
	@echo "make fuzz [PDUS=n] [SEED=s]  damaged associations against the DICOM node, 100,000 PDUs"
	@echo "make crash [KILLS=n] [SEED=s]  kill -9 under C-STORE, C-MOVE and storage commitment, 200 times"
	@echo "make contract [EXAMPLES=n]  requests made of the OpenAPI document, 100 for each operation"
	@echo "make matrix [EVERY=n]  everybody asks for everything: the authorization matrix, some 270,000 calls"
	@echo "make lock               renew requirements/ from pyproject.toml"
	@echo "make sbom               dist/durchblick.cdx.json: what is installed for running, as CycloneDX"

demo: $(RUNTIME)
	@$(BIN)/durchblick demo $(if $(STUDY),"$(STUDY)")

serve: $(RUNTIME)
	@$(BIN)/durchblick serve --config config.toml

# Whole files to each worker, in their order: what a file or a folder shares is set up once where it can be. Three of
# them for two processors, because some wait for others: for jobs, back-off, a process that starts. Numpy's matrix
# products take one processor each: more threads than are free wait for each other by spinning, for ten times the work.
test: export OPENBLAS_NUM_THREADS := 1
test: $(TESTING)
	@setup/test-programs
	@setup/openid-provider/fetch
	@setup/check-scripts
	$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder $(TESTS)

test-ohif: $(TESTING)
	@setup/test-programs
	@setup/ohif
	$(BIN)/python -m pytest -q tests/ohif

check: $(TESTING)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/house
	@setup/check-scripts

bench: $(TESTING)
	$(BIN)/python -m benchmarks $(BENCH)

bench-viewer: $(TESTING)
	@setup/test-programs
	@setup/ohif
	$(BIN)/python -m benchmarks viewer $(BENCH)

guide-pictures: $(TESTING)
	@setup/test-programs
	$(BIN)/python -m tests.browser.guide_pictures

pixel-truth: $(TESTING)
	@setup/test-programs
	PIXEL_TRUTH=every $(BIN)/python -m pytest -q tests/browser/test_pixel_truth.py

firefox: $(TESTING)
	@setup/test-programs
	BROWSER=firefox $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder \
		$(or $(TESTS),$(addprefix tests/browser/test_,axe.py axe_rare.py tools.py view.py upload.py))

fuzz: $(TESTING)
	$(BIN)/python -m tests.dimse.fuzzing $(or $(PDUS),100000) $(SEED)

crash: $(TESTING)
	$(BIN)/python -m tests.scenarios.crashing $(or $(KILLS),200) $(SEED)

contract: $(TESTING)
	CONTRACT_EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/python -m pytest -q tests/contract

matrix: $(TESTING)
	$(BIN)/python -m tests.scenarios.matrix $(EVERY)

lock:
	setup/lock

sbom:
	setup/sbom

clean:
	rm -rf .venv .make

$(RUNTIME): requirements/runtime.txt pyproject.toml setup/environment
	@setup/environment requirements/runtime.txt
	@mkdir -p .make && touch $@

# The locks agree in what they share, so this environment runs the gateway too.
$(TESTING): requirements/test.txt pyproject.toml setup/environment
	@setup/environment requirements/test.txt
	@mkdir -p .make && touch $@ $(RUNTIME)
