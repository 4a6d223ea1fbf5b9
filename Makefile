# domicile: build, test, lint. `make help` lists the targets.
#
# CC=clang and SAN=... may go with any target; each combination has its own directory, so
# that a sanitizer run never mixes objects with a plain one.

SAN ?=
WERROR ?= 0
PREFIX ?= /usr/local
DESTDIR ?=
CLANG_FORMAT ?= clang-format-14
FUZZ_CC ?= clang-14
FUZZ_SECONDS ?= 10
PKG_CONFIG ?= pkg-config

ifeq ($(origin CC),default)
CC := gcc
endif

comma := ,
cc_part := $(if $(findstring clang,$(CC)),clang)
cover_part := $(if $(filter 1,$(COVER)),cover)
san_part := $(if $(SAN),$(if $(findstring thread,$(SAN)),tsan,asan))
name := $(subst $() ,-,$(strip $(cc_part) $(san_part) $(cover_part)))
B := build$(if $(name),/$(name))

PKGS := libmariadb libpq libzstd libcjson libxxhash libssl libcrypto zlib
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS))
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS))
CMOCKA_LIBS := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null || echo -lcmocka)

WARN := -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -fno-common
ifeq ($(WERROR),1)
WARN += -Werror
endif
OPT := $(if $(SAN)$(cover_part),-O1 -fno-omit-frame-pointer,-O2)
HARDEN := -fstack-protector-strong $(if $(SAN),,-D_FORTIFY_SOURCE=2)
COVER_FLAGS := $(if $(cover_part),--coverage)
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) $(if $(findstring undefined,$(SAN)),-fno-sanitize-recover=undefined))

ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -I. $(WARN) $(OPT) -g $(HARDEN) $(SAN_FLAGS) $(COVER_FLAGS) -pthread \
	$(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(SAN_FLAGS) $(COVER_FLAGS) -pthread $(LDFLAGS)
LIBS = $(PKG_LIBS) -lm $(LDLIBS)

# find, because wildcard does not recurse; rooms that do not exist yet are no error.
rooms := $(wildcard schema targets cdc)
SRCS := $(sort $(if $(rooms),$(shell find $(rooms) -name '*.c')))
LIB_SRCS := $(filter-out cdc/main.c,$(SRCS))
LIB_OBJS := $(LIB_SRCS:%.c=$(B)/%.o)
MAIN_OBJ := $(patsubst %.c,$(B)/%.o,$(filter cdc/main.c,$(SRCS)))

TEST_SRCS := $(sort $(wildcard tests/unit/test_*.c tests/contract/test_*.c tests/sim/test_*.c))
TEST_BINS := $(TEST_SRCS:%.c=$(B)/%)
SIM_TEST_BINS := $(filter $(B)/tests/sim/%,$(TEST_BINS))
SIM_SOURCE_OBJS := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/sim/sim_source*.c)))
E2E_SRCS := $(sort $(wildcard tests/e2e/*.c tests/golden/*.c tests/contract/mariadb.c))
E2E_BINS := $(E2E_SRCS:%.c=$(B)/%)
TEST_LIB_OBJS := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/lib/*.c tests/contract/suite*.c)))
SIM_OBJS := $(patsubst %.c,$(B)/%.o,$(filter-out tests/sim/test_%,$(sort $(wildcard tests/sim/*.c))))
SIM_BIN := $(B)/tests/sim/simulate
FUZZ_SRCS := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BINS := $(FUZZ_SRCS:tests/fuzz/%.c=build/fuzz/%)

LIB := $(B)/libdomicile.a
BIN := $(B)/domicile

.PHONY: all objs lib unit tests check check-e2e fuzz fuzz-build cover lint format install \
	clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY: $(FUZZ_SRCS:%.c=build/fuzz/obj/%.o)

all: $(LIB) $(if $(MAIN_OBJ),$(BIN))

objs: $(LIB_OBJS) $(MAIN_OBJ) $(TEST_LIB_OBJS) $(TEST_SRCS:%.c=$(B)/%.o) \
	$(E2E_SRCS:%.c=$(B)/%.o) $(SIM_OBJS)

lib: $(LIB)

unit: $(TEST_BINS)

tests: unit $(E2E_BINS) $(SIM_BIN)

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Objects are made again when the compiler or a flag changes.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' > $@
FORCE:

$(LIB): $(LIB_OBJS)
	@rm -f $@
	$(AR) rcs $@ $^

$(BIN): $(MAIN_OBJ) $(LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(filter-out $(SIM_TEST_BINS),$(TEST_BINS)): $(B)/%: $(B)/%.o $(TEST_LIB_OBJS) $(LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CMOCKA_LIBS) $(LIBS)

$(SIM_TEST_BINS): $(B)/%: $(B)/%.o $(SIM_SOURCE_OBJS) $(TEST_LIB_OBJS) $(LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CMOCKA_LIBS) $(LIBS)

# Programs that golden and end-to-end scripts run.
$(E2E_BINS): $(B)/%: $(B)/%.o $(TEST_LIB_OBJS) $(LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CMOCKA_LIBS) $(LIBS)

# The simulation brings its own clock and log: sim_clock.c.
$(SIM_BIN): $(SIM_OBJS) $(TEST_LIB_OBJS) $(LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CMOCKA_LIBS) $(LIBS)

check: $(TEST_BINS) $(filter $(B)/tests/golden/%,$(E2E_BINS)) $(if $(MAIN_OBJ),$(BIN))
	@BUILD=$(B) scripts/run-tests unit golden

check-e2e: all tests
	@BUILD=$(B) scripts/run-tests

# Lines that the unit tests reach, by file.
cover:
	@$(MAKE) -s COVER=1 unit
	@find build/cover -name '*.gcda' -delete
	@BUILD=build/cover scripts/run-tests unit
	@find build/cover/schema build/cover/targets build/cover/cdc -name '*.gcda' -exec gcov -n {} + | \
		awk -F"[':% ]+" '/^File/ { f = $$2 } /^Lines/ && f ~ /^(schema|targets|cdc)\/.*c$$/ { \
		printf "%6.2f%% of %5d  %s\n", $$3, $$5, f; f = "" }' | sort -k4

# A fuzzer is built with the library's sources and clang's coverage, apart from the rest.
# Leaks are not judged there: they are the unit tests' to find.
fuzz-build: $(FUZZ_BINS)

FUZZ_FLAGS = -std=gnu17 -D_GNU_SOURCE -I. -g -O1 -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined -pthread $(PKG_CFLAGS)

build/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

build/fuzz/libdomicile.a: $(LIB_SRCS:%.c=build/fuzz/obj/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

build/fuzz/fuzz_%: build/fuzz/obj/tests/fuzz/fuzz_%.o build/fuzz/libdomicile.a
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -pthread -o $@ $^ $(LIBS)

fuzz: fuzz-build
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/run-fuzz $(FUZZ_BINS)

C_FILES := $(sort $(shell find $(wildcard schema targets cdc tests) -name '*.[ch]'))

BASH_FILES = $(shell grep -lE '^\#!/bin/(ba)?sh' .ci/run $(wildcard scripts/* tests/*/*.sh) 2>/dev/null)

lint:
	scripts/check-layers
	scripts/check-style
	@for f in $(BASH_FILES); do bash -n $$f || exit 1; done
	$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)

format:
	$(CLANG_FORMAT) -i $(C_FILES)

install: all
	install -D -m 0755 $(BIN) $(DESTDIR)$(PREFIX)/bin/domicile
	@for page in $(wildcard cdc/*.[1-8] cdc/commands/*.[1-8]); do \
		install -D -m 0644 $$page \
			$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; \
	done

clean:
	rm -rf build

help:
	@echo 'all        build/domicile (default)'
	@echo 'objs       compile everything, link nothing'
	@echo 'lib        build/libdomicile.a'
	@echo 'check      unit and golden tests; needs no server'
	@echo 'check-e2e  all tests, on real servers'
	@echo 'fuzz       every fuzzer for FUZZ_SECONDS (10)'
	@echo 'cover      lines that the unit tests reach, by file'
	@echo 'lint       layers, style, format'
	@echo 'format     put the sources into the house format'
	@echo 'install    PREFIX (/usr/local), DESTDIR'
	@echo 'clean      remove build/'
	@echo
	@echo 'With any of them: CC=clang, WERROR=1, SAN=address,undefined or SAN=thread.'

-include $(LIB_OBJS:.o=.d) $(MAIN_OBJ:.o=.d) $(TEST_LIB_OBJS:.o=.d) $(TEST_SRCS:%.c=$(B)/%.d) \
	$(E2E_SRCS:%.c=$(B)/%.d) $(SIM_OBJS:.o=.d) \
	$(LIB_SRCS:%.c=build/fuzz/obj/%.d) $(FUZZ_SRCS:%.c=build/fuzz/obj/%.d)
