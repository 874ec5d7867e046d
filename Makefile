# `make` alone says what there is. The work is done by the scripts in scripts/.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

.PHONY: help up down status logs build test sim replay soak coverage kill-matrix bench rolling-restart chat-hour lint format docs clean

help: ## say what there is
	@scripts/help $(firstword $(MAKEFILE_LIST))

up: ## install what is missing, build, start three nodes on this machine, wait until they serve
	@scripts/up

down: ## stop the nodes; their data stays
	@scripts/down

status: ## each node's process, role, leader and log indexes
	@scripts/status

logs: ## follow the nodes' logs; NODE=2 for one node, FOLLOW=0 for the last lines only
	@scripts/logs

build: ## install what is missing and build all programs, optimised
	@scripts/build

test: ## install what is missing and run every test
	@scripts/test

sim: ## run seeds: SEEDS=10000 or SEEDS='100..<200', FOR=60s, MIX=swarm, JOBS=2
	@scripts/sim

replay: ## run one seed again: SEED=7, FOR=60s, MIX=swarm, TRACE=- or TRACE=file
	@scripts/replay

soak: ## run new seeds for MINUTES=60, until one fails; all marks, faults and checkers must be hit
	@scripts/soak

coverage: ## line coverage of the machines under simulation, SEEDS=500
	@scripts/coverage

kill-matrix: ## plant each known bug and say which checker catches it
	@scripts/kill-matrix

bench: ## microbenchmarks, then a chat load on the running nodes; MICRO=0 or CHAT=0 leaves one out
	@scripts/bench

rolling-restart: ## restart three nodes of their own under load, and say what clients noticed
	@scripts/rolling-restart

chat-hour: ## an hour of chat in a minute while nodes are killed, paused and cut off
	@scripts/chat-hour

lint: ## check the format of the sources, and the scripts
	@scripts/lint

format: ## format the sources
	@scripts/format

docs: ## build the reference of the public API into .docs/
	@scripts/docs

clean: ## remove what was built; the nodes' data stays
	@scripts/clean
