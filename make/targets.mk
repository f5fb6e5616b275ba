# Targets for people; included at the end of the Makefile.  Each is a script
# that installs what is missing where it may, works in a temporary folder and
# changes nothing on this machine besides.

.PHONY: test demo bench bench-types coverage versions leaks valgrind lint unitcheck fuzz regresscheck isolationcheck

test:
	@bash test/run.sh $(LEVELS)

lint:
	@perl test/lint/lint.pl

unitcheck:
	@bash test/run.sh unit

fuzz:
	@MINUTES="$(MINUTES)" bash test/run.sh fuzz laws

.PHONY: sim sim-mutants sim-scale
sim:
	@SEEDS="$(or $(SEEDS),1000)" SEED="$(or $(SEED),1)" bash test/run.sh sim

sim-mutants:
	@bash test/run.sh sim-mutants

# Writes docs/scale.md and docs/scale.svg.
sim-scale:
	@$(MAKE) --no-print-directory -s -C test/sim scale

.PHONY: torture soak mutants
torture:
	@MINUTES="$(or $(MINUTES),3)" SEED="$(SEED)" FAULTS="$(FAULTS)" SOAK="$(SOAK)" LOOPBACK="$(LOOPBACK)" FORGET="$(FORGET)" bash test/run.sh torture

soak:
	@MINUTES="$(or $(MINUTES),60)" SEED="$(SEED)" SOAK=1 bash test/run.sh torture

mutants:
	@bash test/mutants/run.sh $(MUTANTS)

demo:
	@KEEP="$(KEEP)" COUNTERS="$(COUNTERS)" LOAD_SECONDS="$(SECONDS)" bash tools/demo.sh

bench:
	@bash bench/run.sh $(BENCH)

bench-types:
	@bash bench/types.sh

coverage:
	@bash tools/coverage.sh

leaks:
	@TRANSACTIONS="$(or $(TRANSACTIONS),1000000)" PG_TEST_TIMEOUT_DEFAULT=3600 TESTS=test/t/018_memory.pl bash test/run.sh tap

valgrind:
	@bash tools/valgrind.sh

versions:
	@bash tools/versions.sh $(VERSIONS)

# The two halves of installcheck, each on its own server.
regresscheck:
	$(pg_regress_installcheck) $(REGRESS_OPTS) $(REGRESS)

isolationcheck:
	$(pg_isolation_regress_installcheck) $(ISOLATION_OPTS) $(ISOLATION)
