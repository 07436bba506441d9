# Images and the cluster of containers; the Makefile includes this.

.PHONY: prebuilt images up down scale logs monitoring test-containers

COMPOSE := $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
# A project name of its own: without one it would be that of the folder, `docker`.
CLUSTER := $(COMPOSE) -p springald -f docker/compose.yml
CONTAINER_TESTS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/springald/container-tests
# Where nothing is compiled, the base does.
RUST ?= $(if $(PREBUILT),$(or $(BASE),debian:bookworm-slim))
# What a build may need of this machine; nothing that is not set.
IMAGE_ARGS = $(foreach name,BASE RUST APT_MIRROR PIP_INDEX_URL http_proxy https_proxy no_proxy,$(if $($(name)),--build-arg $(name)))
export BASE RUST APT_MIRROR PIP_INDEX_URL

prebuilt: ## The program, and the wheel if `make wheel` made one, into docker/prebuilt, for PREBUILT=docker/prebuilt
	@rm -rf docker/prebuilt && mkdir docker/prebuilt
	@strip -o docker/prebuilt/springald $(SPRINGALD_BIN)
	@cp $(wildcard dist/springald-*.whl $(CARGO_TARGET_DIR)/wheels/springald-*.whl) docker/prebuilt/ 2>/dev/null || \
		echo "no wheel in dist: JupyterLab will have the program, and not the Python package"
	@ls -l docker/prebuilt

images: ## Both images, compiled in a container; PREBUILT=docker/prebuilt takes what `make prebuilt` put there
	docker build -f docker/Dockerfile --target springald $(IMAGE_ARGS) --build-arg PREBUILT=$(PREBUILT) -t springald .
	docker build -f docker/Dockerfile --target jupyter $(IMAGE_ARGS) --build-arg PREBUILT=$(PREBUILT) -t springald-jupyter .

up: ## The cluster of docker/compose.yml; builds the images first if they are not there
	@docker image inspect springald springald-jupyter >/dev/null 2>&1 || $(MAKE) images
	$(CLUSTER) up -d --no-build
	@$(CLUSTER) exec -T master springald workers
	@echo "SQL, jobs:  $(CLUSTER) exec master springald sql"
	@echo "JupyterLab: http://localhost:$(or $(JUPYTER_PORT),8888)/lab?token=$$($(CLUSTER) exec -T jupyter sh -c \
		'echo $${JUPYTER_TOKEN:-$$(cat /run/springald/jupyter-token)}')"

scale: ## Another number of workers, while work goes on: make scale N=8
	$(CLUSTER) up -d --no-build --no-recreate --scale worker=$(or $(N),2)

logs: ## What master and workers say
	$(CLUSTER) logs --tail 100 master worker

monitoring: ## Prometheus and Grafana beside the cluster
	$(CLUSTER) --profile monitoring up -d --no-build --no-recreate
	@echo "Grafana: http://localhost:$(or $(GRAFANA_PORT),3000)"

down: ## Stops the cluster; what is on its volume stays
	$(CLUSTER) --profile monitoring down

test-containers: ## Tests over containers: start, scale, faults, limits, S3; needs `make images`
	@[ -x $(CONTAINER_TESTS)/bin/python ] || python3 -m venv $(CONTAINER_TESTS)
	@$(CONTAINER_TESTS)/bin/pip install -q --disable-pip-version-check -r docker/tests/requirements.txt
	cd docker/tests && $(CONTAINER_TESTS)/bin/pytest $(ARGS)
