# pg_converge: PGXS build.  The version is written here once.
EXTENSION  = pg_converge
EXTVERSION = 0.1.0

MODULE_big = pg_converge
SRCS  = $(sort $(wildcard src/*.c src/*/*.c))
OBJS  = $(SRCS:.c=.o)

# The install script is the concatenation of the parts beside their C files.
SQL_PARTS = src/pre.sql \
	src/types/vclock.sql src/types/row_state.sql \
	src/types/gcounter.sql src/types/pncounter.sql src/types/bcounter.sql \
	src/types/maxreg.sql src/types/minreg.sql src/types/lwwreg.sql \
	src/types/mvreg.sql src/types/ewflag.sql src/types/dwflag.sql \
	src/types/gset.sql src/types/twopset.sql src/types/orset.sql \
	src/types/rwset.sql src/types/ormap.sql src/types/cart.sql \
	src/types/document.sql \
	src/store/tables.sql src/store/triggers.sql \
	src/store/conflicts.sql src/peer/peer.sql src/worker/fetch.sql \
	src/api/node.sql src/api/table.sql src/api/strategy.sql src/api/ddl.sql src/api/digest.sql \
	src/api/stats.sql \
	src/post.sql
INSTALL_SQL = sql/$(EXTENSION)--$(EXTVERSION).sql

DATA_built = $(INSTALL_SQL) $(EXTENSION).control
EXTRA_CLEAN = $(INSTALL_SQL) $(EXTENSION).control $(wildcard src/*/*.gcno src/*/*.gcda)

PG_CONFIG ?= pg_config
PG_CPPFLAGS = -Isrc -I$(shell $(PG_CONFIG) --includedir) -DCVG_VERSION='"$(EXTVERSION)"'
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -fvisibility=hidden $(CVG_CFLAGS)
SHLIB_LINK = -lpq -lxxhash $(CVG_LDFLAGS)

REGRESS = $(patsubst sql/%.sql,%,$(sort $(filter-out sql/$(EXTENSION)--%,$(wildcard sql/*.sql))))
REGRESS_OPTS = --encoding=UTF8 --temp-instance=./tmp_check --temp-config=test/test.conf
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --load-extension=pg_converge --temp-instance=./tmp_check_iso --temp-config=test/isolation.conf
TAP_TESTS = 1
PROVE_TESTS = $(sort $(wildcard test/t/*.pl))
PROVE_FLAGS = -I test/perl

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
else
all install installcheck clean:
	@echo "The server's development files are missing: run tools/setup.sh, or set PG_CONFIG." >&2; exit 1
endif

$(INSTALL_SQL): $(SQL_PARTS) Makefile
	cat $(SQL_PARTS) > $@

$(EXTENSION).control: $(EXTENSION).control.in Makefile
	sed 's/@EXTVERSION@/$(EXTVERSION)/' $< > $@

# Headers are few and everything is rebuilt in seconds.
$(OBJS): $(wildcard src/*.h src/*/*.h)

include make/targets.mk
