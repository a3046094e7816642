# argond. `make help` lists what can be made.
#
#   V=1          show the commands
#   SANITIZE=1   build with ASan and UBSan, in build/sanitize
#   FUZZ=1       build fuzz targets for libFuzzer with clang, in build/fuzz (`make fuzz`)
#   CC=clang     another compiler (give it a BUILD of its own)

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
STATEDIR   ?= /var/lib/argond
DESTDIR    ?=
BUILD      ?= build$(if $(FUZZ),/fuzz,$(if $(SANITIZE),/sanitize))

CC ?= cc
ifdef FUZZ
CC = clang
SANITIZE = 1
endif
CPPFLAGS += -D_GNU_SOURCE -I. -DSYSCONFDIR='"$(SYSCONFDIR)"' -DSTATEDIR='"$(STATEDIR)"'
# A newer library or compiler deprecates what the older ones here need; in C, an enum's
# constants are integers, which clang 19 and later mind beside a double.
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Werror -Wno-deprecated-declarations -Wno-enum-float-conversion
OPTIMIZE = -O2 -g
HARDEN = -fPIE -fstack-protector-strong -fstack-clash-protection \
	$(if $(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
ifdef SANITIZE
SANITIZERS = -fsanitize=address,undefined$(if $(FUZZ),$(COMMA)fuzzer-no-link) \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -fno-optimize-sibling-calls
endif
COMMA = ,
ALL_CFLAGS = -std=gnu11 $(OPTIMIZE) $(HARDEN) $(SANITIZERS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZERS) $(LDFLAGS)
LIBS = -largon2 -lb2 -lbsd -lev -lconfuse -lseccomp -lsqlite3 -lcrypt -lcrypto
# what tests and the load generator read JSON with
TEST_LIBS = -lcmocka -ljansson

# llhttp: the C sources and the header in LLHTTP_DIR where it is given, else a library where
# it is packaged as one, else the C sources that Debian 12 ships.
ifndef LLHTTP_DIR
ifeq ($(shell pkg-config --exists libllhttp 2>/dev/null && echo yes),yes)
CPPFLAGS += $(shell pkg-config --cflags libllhttp)
LIBS += $(shell pkg-config --libs libllhttp)
else
LLHTTP_DIR = /usr/share/llhttp
LLHTTP_PACKAGE := $(if $(wildcard $(LLHTTP_DIR)/llhttp.c),,libllhttp-dev/node-llhttp)
endif
endif
ifdef LLHTTP_DIR
# version 8 and older have two grammars; later ones only the strict one
CPPFLAGS += -isystem $(LLHTTP_DIR) -isystem /usr/share/include/llhttp -DLLHTTP_STRICT_MODE=1
LLHTTP_OBJECTS = $(if $(LLHTTP_PACKAGE),,$(patsubst %,$(BUILD)/llhttp/%.o,api http llhttp))
endif

SOURCES := $(sort $(wildcard common/*.c master/*.c frontend/*.c hasher/*.c))
HEADERS := $(sort $(wildcard common/*.h master/*.h frontend/*.h hasher/*.h))
MAIN    := master/main.c
# The objects of all but the frontend do not depend on llhttp: tests/llhttp.sh takes them
# from another build, in OTHERS.
OTHERS  ?= $(BUILD)
OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter frontend/%,$(SOURCES))) \
	$(patsubst %.c,$(OTHERS)/%.o,$(filter-out $(MAIN) frontend/%,$(SOURCES)))
LIBRARY := $(BUILD)/libargond.a

UNIT_TESTS    := $(sort $(wildcard tests/common/test_*.c tests/master/test_*.c \
	tests/frontend/test_*.c tests/hasher/test_*.c tests/bench/test_*.c))
SYSTEM_TESTS  := $(sort $(wildcard tests/system/test_*.c))
SYSTEM_SHIMS  := $(sort $(wildcard tests/system/shim_*.c))
SYSTEM_SHARED := $(filter-out $(SYSTEM_TESTS) $(SYSTEM_SHIMS),$(sort $(wildcard tests/system/*.c)))
SCRIPT_TESTS  := $(sort $(wildcard tests/system/test_*.sh))
FAULT_TESTS   := $(sort $(wildcard tests/faults/test_*.c))
FAULT_SHARED  := tests/faults/world.c $(SYSTEM_SHARED)
BENCHES       := $(sort $(wildcard tests/bench/bench_*.c))
LOAD_SHARED   := $(sort $(wildcard tests/bench/load_*.c))
FUZZ_TARGETS  := $(sort $(wildcard tests/fuzz/fuzz_*.c))
TEST_SOURCES  := $(sort $(wildcard tests/*/*.c tests/*/*.h))
UNIT_PROGRAMS   := $(patsubst %.c,$(BUILD)/%,$(UNIT_TESTS))
SYSTEM_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(SYSTEM_TESTS))
# system tests that wait nearly all the time, and measure nothing: they run beside others
WAITING_TESTS   := capabilities drain drain_listen f02_stopped inherited migrate proc_hidden \
	reload reload_bad signal_bound signal_whom start syslog terminal upgrade upgrade_bad \
	upgrade_path upgrade_supervised wall_answer wall_board wall_command wall_files \
	wall_generations wall_listener wall_log wall_noread wall_patience wall_places wall_reach \
	wall_spin wall_swap
WAITING_PROGRAMS := $(patsubst %,$(BUILD)/tests/system/test_%,$(WAITING_TESTS))
# the programs that the table of attacks names
ATTACKS         := $(sort $(shell \
	grep -o '`tests/[a-z]*/test_[a-z0-9_]*\(\.sh\)*`' tests/README.md | tr -d '`'))
ATTACK_PROGRAMS := $(addprefix $(BUILD)/,$(filter-out %.sh,$(ATTACKS)))
FAULT_PROGRAMS  := $(patsubst %.c,$(BUILD)/%,$(FAULT_TESTS))
FAULT_ARGOND    := $(BUILD)/tests/faults/argond
BENCH_PROGRAMS  := $(patsubst %.c,$(BUILD)/%,$(BENCHES))
LOAD_PROGRAM    := $(BUILD)/tests/bench/load
LOAD_TESTS      := $(filter $(BUILD)/tests/bench/%,$(UNIT_PROGRAMS))
LOAD_OBJECTS    := $(patsubst %.c,$(BUILD)/%.o,$(LOAD_SHARED))
FUZZ_PROGRAMS   := $(patsubst %.c,$(BUILD)/%,$(FUZZ_TARGETS))

quiet = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

.PHONY: all help deps deps-check deps-lint run check check-unit check-system sanitize \
	endurance lint format install uninstall deb deps-deb check-deb clean bench bench-engine \
	bench-overload programs check-llhttp deps-llhttp check-fuzz fuzz fuzz-run \
	deps-fuzz deps-bench deps-model check-distros check-attacks model
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/argond

help:
	@echo 'make            build $(BUILD)/argond'
	@echo 'make run        install what is missing, build, serve on http://127.0.0.1:8080'
	@echo 'make check      install what the tests need, build, run every test'
	@echo 'make sanitize   every test under ASan and UBSan'
	@echo 'make check-attacks  the attacks that tests/README.md lists (some need root, gdb)'
	@echo 'make check-llhttp  the HTTP tests with each version of llhttp'
	@echo 'make model      the models of the protocols (spin), with figures'
	@echo 'make faults     every call of argond fails, one after another'
	@echo 'make endurance  a long life in short, ARGOND_ENDURANCE=120 seconds of it'
	@echo 'make lint       clang-tidy and cppcheck'
	@echo 'make fuzz       libFuzzer, FUZZ_SECONDS=60 for each target'
	@echo 'make bench      throughput and latency, beside nginx and libargon2'
	@echo 'make bench-engine  the engines, beside libargon2 and others; what jobs cost beside'
	@echo 'make bench-overload  more than it can do, unfair, idle and leaving clients'
	@echo 'make format     lay the sources out (clang-format)'
	@echo 'make install    into $$(DESTDIR)$$(PREFIX), with man pages and unit files'
	@echo 'make uninstall  takes that away but for the config'
	@echo 'make deb        a Debian package in build/deb'
	@echo 'make check-deb  the package in a fresh Debian: installed, upgraded, purged (root)'
	@echo 'make check-distros  make check on fresh Debians (root), DISTROS="bookworm trixie testing";'
	@echo '                TARGETS=all tries every target'
	@echo 'make deps       install the libraries (Debian, Ubuntu)'
	@echo 'make clean      removes build'

# --- what is needed

# (tests/packages.sh says how a word is read; behind -- is what a target does without)
PACKAGES = gcc/clang libc6-dev pkgconf/pkg-config libargon2-dev libb2-dev libbsd-dev \
	libev-dev libconfuse-dev libseccomp-dev libsqlite3-dev libcrypt-dev \
	libssl-dev $(LLHTTP_PACKAGE)
CHECK_PACKAGES = libcmocka-dev libjansson-dev procps strace -- logrotate
MODEL_PACKAGES = gcc libc6-dev spin -- tcc
LINT_PACKAGES  = libcmocka-dev libjansson-dev clang clang-tidy libclang-rt-dev cppcheck -- clang-format-$(FORMAT_VERSION)
FUZZ_PACKAGES  = clang libclang-rt-dev
BENCH_PACKAGES = libcmocka-dev libjansson-dev procps curl wrk -- slowhttptest
DEB_PACKAGES   = build-essential debhelper fakeroot

# what `make` itself needs; installed by the targets that say so
$(BUILD)/.deps: Makefile tests/packages.sh
	@sh tests/packages.sh -n all $(PACKAGES)
	@mkdir -p $(@D)
	@touch $@

deps:
	@sh tests/packages.sh deps $(PACKAGES)

# `make deps all`: this file is read anew once llhttp is there to be found. What goes wrong,
# the goal `deps` says.
ifneq ($(and $(LLHTTP_PACKAGE),$(filter deps,$(MAKECMDGOALS)),$(filter-out deps,$(MAKECMDGOALS))),)
-include $(BUILD)/deps.mk
$(BUILD)/deps.mk:
	@sh tests/packages.sh deps $(PACKAGES) 2>/dev/null
	@mkdir -p $(@D)
	@touch $@
endif

deps-check:
	@sh tests/packages.sh check $(PACKAGES) $(CHECK_PACKAGES)

deps-model:
	@sh tests/packages.sh model $(MODEL_PACKAGES)

deps-lint:
	@sh tests/packages.sh lint $(PACKAGES) $(LINT_PACKAGES)

deps-fuzz:
	@sh tests/packages.sh fuzz $(PACKAGES) $(FUZZ_PACKAGES)

deps-bench:
	@sh tests/packages.sh bench $(PACKAGES) $(BENCH_PACKAGES)

deps-deb:
	@sh tests/packages.sh deb $(PACKAGES) $(DEB_PACKAGES)

# --- how it is built

# A kernel is compiled for its instruction set, everything else for the baseline.
$(BUILD)/hasher/kernel_avx512.o: OPTIMIZE = -O3 -g -mavx512f -mavx512vl -mprefer-vector-width=512
$(BUILD)/hasher/kernel_avx2.o: OPTIMIZE = -O3 -g -mavx2
$(BUILD)/llhttp/%.o: WARNINGS = -w

$(BUILD)/llhttp/%.o: $(LLHTTP_DIR)/%.c Makefile | $(BUILD)/.deps
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.c Makefile | $(BUILD)/.deps
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<

$(BUILD)/frontend/openapi.o: frontend/openapi.json

$(LIBRARY): $(OBJECTS) $(LLHTTP_OBJECTS)
	$(call quiet,AR,$@)rm -f $@; $(AR) rcs $@ $^

$(BUILD)/argond: $(BUILD)/master/main.o $(LIBRARY)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(filter-out $(LOAD_TESTS),$(UNIT_PROGRAMS)): $(BUILD)/%: $(BUILD)/%.o $(LIBRARY)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)

$(LOAD_TESTS): $(BUILD)/%: $(BUILD)/%.o $(LOAD_OBJECTS) $(LIBRARY)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)

$(SYSTEM_PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(patsubst %.c,$(BUILD)/%.o,$(SYSTEM_SHARED)) $(LIBRARY) \
		| $(patsubst %.c,$(BUILD)/%.so,$(SYSTEM_SHIMS))
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)

# what a test loads into the program (LD_PRELOAD); no sanitizer has a place in it
$(BUILD)/tests/system/shim_%.so: tests/system/shim_%.c Makefile
	@mkdir -p $(@D)
	$(call quiet,LD,$@)$(CC) $(CPPFLAGS) -std=gnu11 -O2 -g -fPIC $(WARNINGS) -shared -o $@ $<

$(FAULT_PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(patsubst %.c,$(BUILD)/%.o,$(FAULT_SHARED)) $(LIBRARY)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)

# Every call that inject.c has a wrapper for is led through it, in the libraries as well
# that are linked statically here.
FAULT_STATIC = -lev -lconfuse -lsqlite3 -lseccomp
FAULT_LIBS   = -Wl,-Bstatic $(FAULT_STATIC) -Wl,-Bdynamic $(filter-out $(FAULT_STATIC),$(LIBS)) -lm

$(FAULT_ARGOND): $(BUILD)/tests/faults/inject.o $(BUILD)/master/main.o $(LIBRARY)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) \
		$$(nm $< | sed -n 's/.* T __wrap_/-Wl,--wrap=/p') -o $@ $^ $(FAULT_LIBS)

$(BENCH_PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(LIBRARY)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(LOAD_PROGRAM): $(LOAD_PROGRAM).o $(LOAD_OBJECTS) $(LIBRARY)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)

# Beside libFuzzer's main there is ours, which replays a corpus under any compiler.
FUZZ_MAIN = $(if $(FUZZ),,$(BUILD)/tests/fuzz/replay.o)
$(FUZZ_PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(FUZZ_MAIN) $(LIBRARY)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(if $(FUZZ),-fsanitize=fuzzer) \
		-o $@ $^ $(TEST_LIBS) $(LIBS)

-include $(patsubst %.c,$(BUILD)/%.d,$(SOURCES) $(filter %.c,$(TEST_SOURCES)))

.PHONY: faults fault-programs
fault-programs: $(FAULT_ARGOND) $(FAULT_PROGRAMS)

programs: $(BUILD)/argond $(UNIT_PROGRAMS) $(SYSTEM_PROGRAMS) $(BENCH_PROGRAMS) \
	$(LOAD_PROGRAM) $(FUZZ_PROGRAMS)

# --- what is done with it

JOBS ?= $(shell nproc 2>/dev/null || echo 1)
# of tests: more than there are CPUs, since some of them wait
LANES = $(shell echo $$(($(JOBS) + 2)))

run: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@echo 'try, in another terminal:'
	@echo '  curl http://127.0.0.1:8080/hash/hunter2'
	@echo '  curl http://127.0.0.1:8080/hash_rayon/hunter2'
	@echo '  curl http://127.0.0.1:8080/user/1'
	@exec $(BUILD)/argond $(ARGS)

check: deps-check
	@$(MAKE) --no-print-directory -j$(JOBS) programs
	@sh tests/run.sh $(BUILD) $(LANES) $(WAITING_PROGRAMS) $(UNIT_PROGRAMS) $(FUZZ_PROGRAMS) -- \
		$(filter-out $(WAITING_PROGRAMS),$(SYSTEM_PROGRAMS)) $(SCRIPT_TESTS)

check-attacks: deps-check
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/argond $(ATTACK_PROGRAMS)
	@sh tests/run.sh $(BUILD) $(JOBS) $(filter $(UNIT_PROGRAMS),$(ATTACK_PROGRAMS)) -- \
		$(filter $(SYSTEM_PROGRAMS),$(ATTACK_PROGRAMS)) $(filter %.sh,$(ATTACKS))

check-unit: $(BUILD)/argond $(UNIT_PROGRAMS)
	@sh tests/run.sh $(BUILD) $(JOBS) $(UNIT_PROGRAMS) --

check-system: $(BUILD)/argond $(SYSTEM_PROGRAMS)
	@sh tests/run.sh $(BUILD) $(JOBS) -- $(SYSTEM_PROGRAMS) $(SCRIPT_TESTS)

# A day in miniature: all that is done to it at random, and nothing may grow.
ENDURANCE := $(BUILD)/tests/system/test_endurance

endurance: deps-check
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/argond $(ENDURANCE)
	@ARGOND=$(BUILD)/argond ARGOND_ENDURANCE=$${ARGOND_ENDURANCE:-120} $(ENDURANCE)

# the same HTTP with every llhttp
LLHTTP_PROGRAMS := $(filter $(BUILD)/tests/frontend/test_http% $(BUILD)/tests/frontend/test_conn% \
	$(BUILD)/tests/fuzz/fuzz_http,$(UNIT_PROGRAMS) $(FUZZ_PROGRAMS))

deps-llhttp: deps-check
	@python3 -m pip --version >/dev/null 2>&1 || sh tests/packages.sh check-llhttp python3-pip

check-llhttp: deps-llhttp
	@$(MAKE) --no-print-directory -j$(JOBS) $(BUILD)/argond $(LLHTTP_PROGRAMS)
	+@MAKE='$(MAKE)' sh tests/llhttp.sh $(BUILD) $(JOBS)

check-fuzz: $(FUZZ_PROGRAMS)
	@sh tests/run.sh $(BUILD) $(JOBS) $(FUZZ_PROGRAMS) --

fuzz: deps-fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) FUZZ=1 fuzz-run

fuzz-run: $(FUZZ_PROGRAMS)
	@sh tests/fuzz/run.sh $(BUILD) $(FUZZ_PROGRAMS)

model: deps-model
	@MODEL_TABLE=1 sh tests/model/test_model.sh

sanitize:
	@ARGOND_TEST_SLOW=4 ARGOND_TEST_ROUNDS=2000 $(MAKE) --no-print-directory SANITIZE=1 check

# Each call fails, one after another (tests/faults/world.h). FAULTS_EVERY=n: every nth one.
ifdef SANITIZE
faults: deps-check
	@$(MAKE) --no-print-directory -j$(JOBS) fault-programs
	@ARGOND=$(FAULT_ARGOND) sh tests/run.sh $(BUILD) $(JOBS) -- $(FAULT_PROGRAMS)
else
faults:
	@$(MAKE) --no-print-directory SANITIZE=1 faults
endif

# clang-tidy remembers what it has found clean (.clang-tidy says which checks)
TIDY := $(patsubst %.c,$(BUILD)/tidy/%.ok,$(filter %.c,$(SOURCES) $(TEST_SOURCES)))
$(BUILD)/tidy/hasher/kernel_avx512.ok: KERNEL_FLAGS = -mavx512f -mavx512vl
$(BUILD)/tidy/hasher/kernel_avx2.ok: KERNEL_FLAGS = -mavx2

$(BUILD)/tidy/%.ok: %.c $(HEADERS) .clang-tidy tests/.clang-tidy
	@mkdir -p $(@D)
	$(call quiet,TIDY,$<)clang-tidy --quiet --warnings-as-errors='*' $< -- $(CPPFLAGS) \
		-std=gnu11 $(KERNEL_FLAGS) 2>$@.said || { cat $@.said >&2; exit 1; }
	@rm -f $@.said
	@touch $@

# Each version of clang-format has a layout of its own: the tree has that of this one.
FORMAT_VERSION = 14
CLANG_FORMAT = $(or $(shell command -v clang-format-$(FORMAT_VERSION) 2>&1),$(and \
	$(findstring version $(FORMAT_VERSION).,$(shell clang-format --version 2>&1)),clang-format))
NO_FORMAT = clang-format-$(FORMAT_VERSION) is not installed: the layout is not

# Macros of cmocka name an argument twice: it is not used after it was freed.
lint: deps-lint
	@$(if $(CLANG_FORMAT),$(CLANG_FORMAT) --dry-run -Werror $(SOURCES) $(HEADERS) \
		$(TEST_SOURCES),echo 'lint: $(NO_FORMAT) checked')
	@cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr -j$(JOBS) \
		--enable=warning,performance,portability --suppress='deallocuse:tests/*' \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
		"-DTAILQ_FOREACH(v,h,f)=while((v=(h)->tqh_first))" \
		"-DRB_PROTOTYPE(n,t,f,c)=" "-DRB_GENERATE(n,t,f,c)=" \
		-D_GNU_SOURCE -D__x86_64__ -I. -DSYSCONFDIR='""' -DSTATEDIR='""' \
		$(SOURCES) $(filter %.c,$(TEST_SOURCES))
	@$(MAKE) --no-print-directory -j$(JOBS) tidy
	@echo 'lint: clean'

.PHONY: tidy
tidy: $(TIDY)

format: deps-lint
	@$(if $(CLANG_FORMAT),$(CLANG_FORMAT) -i $(SOURCES) $(HEADERS) $(TEST_SOURCES),echo \
		'format: $(NO_FORMAT) changed' >&2; exit 1)

bench: deps-bench
	@$(MAKE) --no-print-directory -j$(JOBS) programs
	@BUILD=$(BUILD) sh tests/bench/bench_http.sh

bench-engine: deps-bench
	@$(MAKE) --no-print-directory -j$(JOBS) programs
	@BUILD=$(BUILD) sh tests/bench/bench_engine.sh
	@BUILD=$(BUILD) sh tests/bench/bench_units.sh

bench-overload: deps-bench
	@$(MAKE) --no-print-directory -j$(JOBS) programs
	@BUILD=$(BUILD) sh tests/bench/bench_overload.sh all

# --- where it is installed

MANDIR       ?= $(PREFIX)/share/man
UNITDIR      ?= $(or $(shell pkg-config --variable=systemdsystemunitdir systemd 2>/dev/null),/lib/systemd/system)
SYSUSERSDIR  ?= $(or $(shell pkg-config --variable=sysusersdir systemd 2>/dev/null),/usr/lib/sysusers.d)
TMPFILESDIR  ?= $(or $(shell pkg-config --variable=tmpfilesdir systemd 2>/dev/null),/usr/lib/tmpfiles.d)
LOGROTATEDIR ?= $(SYSCONFDIR)/logrotate.d
CONFIG        = $(SYSCONFDIR)/argond/argond.conf
INSTALLED     = $(PREFIX)/sbin/argond $(MANDIR)/man8/argond.8 $(MANDIR)/man5/argond.conf.5 \
	$(MANDIR)/man7/argond-migrate.7 \
	$(UNITDIR)/argond.service $(UNITDIR)/argond.socket $(SYSUSERSDIR)/argond.conf \
	$(TMPFILESDIR)/argond.conf $(LOGROTATEDIR)/argond

# $(1): in master/, $(2): there. The sources name the paths of a distribution's package.
install_paths = sed -e 's|/usr/sbin/argond|$(PREFIX)/sbin/argond|g' \
	-e 's|/etc/argond/|$(SYSCONFDIR)/argond/|g' -e 's|/var/lib/argond|$(STATEDIR)|g' \
	master/$(1) >$(BUILD)/$(1) && install -D -m 644 $(BUILD)/$(1) $(DESTDIR)$(2)

# A config that is there is somebody's work.
install: $(BUILD)/argond
	install -D -m 755 $(BUILD)/argond $(DESTDIR)$(PREFIX)/sbin/argond
	@$(call install_paths,argond.8,$(MANDIR)/man8/argond.8)
	@$(call install_paths,argond.conf.5,$(MANDIR)/man5/argond.conf.5)
	@$(call install_paths,argond-migrate.7,$(MANDIR)/man7/argond-migrate.7)
	@$(call install_paths,argond.service,$(UNITDIR)/argond.service)
	@$(call install_paths,argond.socket,$(UNITDIR)/argond.socket)
	@$(call install_paths,argond.sysusers,$(SYSUSERSDIR)/argond.conf)
	@$(call install_paths,argond.tmpfiles,$(TMPFILESDIR)/argond.conf)
	@$(call install_paths,argond.logrotate,$(LOGROTATEDIR)/argond)
	@if [ -e $(DESTDIR)$(CONFIG) ]; then echo '$(CONFIG) is there and stays as it is'; \
		else $(call install_paths,argond.conf,$(CONFIG)); fi

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	@if [ -e $(DESTDIR)$(CONFIG) ]; then echo '$(CONFIG) stays'; fi

# --- a Debian package, from a tree that has the folder debian/ where its tools want it

DEB_REVISION ?= 1
DEB_VERSION   = $(shell sed -n 's/^\#define ARGOND_VERSION "\(.*\)"/\1/p' common/contract.h)-$(DEB_REVISION)

deb: deps-deb
	@rm -rf build/deb
	@mkdir -p build/deb/argond
	@cp -a Makefile README.md LICENSE master frontend hasher common tests build/deb/argond
	@mv build/deb/argond/master/debian build/deb/argond/debian
	@sed -e 's/@VERSION@/$(DEB_VERSION)/' -e "s/@DATE@/$$(date -R)/" \
		build/deb/argond/debian/changelog.in >build/deb/argond/debian/changelog
	@rm build/deb/argond/debian/changelog.in
	cd build/deb/argond && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		DEB_BUILD_OPTIONS='nocheck parallel=$(JOBS)' DEB_BUILD_PROFILES=nocheck \
		dpkg-buildpackage -b -us -uc
	@rm -rf build/deb/argond
	@ls build/deb/*.deb

# in a Debian of its own (debootstrap): installs, serves, upgrades itself, goes; needs root
check-deb:
	@sh tests/system/deb.sh

# on fresh Debians (debootstrap), each with only git and make; needs root
check-distros:
	@sh tests/system/distros.sh $(or $(DISTROS),bookworm trixie testing)

clean:
	rm -rf build
