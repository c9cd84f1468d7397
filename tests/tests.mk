# Tests: see docs/TESTING.md.

# Unit tests: tests/unit/test-THING.c, one cmocka program each.
# The one that waits longest begins first.
UNIT_LONG := tests/unit/test-keeper.c
UNIT_SRC := $(UNIT_LONG) $(filter-out $(UNIT_LONG),$(wildcard tests/unit/test-*.c))
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/unit/%)

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libguardfs.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CPPFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(BUILD)/libguardfs.a $(LDLIBS) $(CTL_LDLIBS) -lcmocka

# Tools that the cases use; each is one file and needs nothing but libc and headers of base/.
TOOL_SRC := $(filter-out tests/tools/gen-docs.c tests/tools/guardctl-cut.c,$(wildcard tests/tools/*.c))
TOOL_BIN := $(TOOL_SRC:tests/tools/%.c=$(BUILD)/tests/tools/%)

$(TOOL_BIN): $(BUILD)/tests/tools/%: tests/tools/%.c
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $<

# guardctl itself, with a function of the test's in place of the library's: the linker takes no second move_point from the archive.
CUT_BIN := $(BUILD)/tests/tools/guardctl-cut

$(CUT_BIN): tests/tools/guardctl-cut.c $(BUILD)/obj/guardfs/ctl/main.o $(BUILD)/libguardfs.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $^ $(LDLIBS) $(CTL_LDLIBS)

# Libraries that a case preloads into a program: tests/preload/THING.c.
PRELOAD_SRC := $(wildcard tests/preload/*.c)
PRELOAD_LIB := $(PRELOAD_SRC:tests/preload/%.c=$(BUILD)/tests/preload/%.so)

$(PRELOAD_LIB): $(BUILD)/tests/preload/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -fsanitize=%,$(CFLAGS)) -fPIC -shared -MMD -MP -MT $@ -MF $(@:.so=.d) -o $@ $< -ldl

.PHONY: tools
tools: $(TOOL_BIN) $(CUT_BIN) $(PRELOAD_LIB) ## the programs that the cases and the quickstart use

.PHONY: check
check: check-unit check-sim check-fuzz check-docs check-cases ## all tests (as root); scripts/check does this and more

.PHONY: check-unit
check-unit: $(UNIT_BIN) ## unit tests
	$(Q)GUARDFS_SECOND_TRIES="$${GUARDFS_SECOND_TRIES:-$(abspath $(BUILD))/second-tries}" tests/lib/run-unit $(UNIT_BIN)

.PHONY: unit-build
unit-build: $(UNIT_BIN)

# The simulator: random histories through the machines that decide on recoveries, in simulated time.
SIM_HISTORIES ?= 1000000
SIM_SRC := $(wildcard tests/sim/*.c)

$(BUILD)/tests/simulate: $(SIM_SRC) $(wildcard tests/sim/*.h) $(BUILD)/libguardfs.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(SIM_SRC) $(BUILD)/libguardfs.a $(LDLIBS)

.PHONY: sim
sim: $(BUILD)/tests/simulate ## the simulator of recoveries, BUILD/tests/simulate

.PHONY: check-sim
check-sim: sim ## SIM_HISTORIES (1000000) random histories, and broken rules that must be caught
	$(Q)tests/sim/run $(BUILD)/tests/simulate $(SIM_HISTORIES)

.PHONY: check-cases
check-cases: $(PROGRAMS) tools ## end-to-end cases (as root); CASES='guard session/kill-worker' for some
	$(Q)BUILD=$(abspath $(BUILD)) tests/run $(CASES)

.PHONY: campaign
campaign: $(PROGRAMS) tools ## writers with an oracle under faults of all kinds (as root): SEED=1 FAULTS=1000 DURABILITY=behind
	$(Q)BUILD=$(abspath $(BUILD)) SEED=$(or $(SEED),1) FAULTS=$(or $(FAULTS),100) DURABILITY=$(or $(DURABILITY),behind) tests/campaign/run

.PHONY: campaign-peers
campaign-peers: $(PROGRAMS) tools ## the same against raw sshfs and rclone (as root; a quarter of an hour): a table
	$(Q)BUILD=$(abspath $(BUILD)) tests/campaign/run peers

.PHONY: check-kernels
check-kernels: ## cases on other kernels, under emulation (as root; hours): CASES='vm/docker', KERNELS='6.1' for some
	$(Q)scripts/check-kernels $(KERNELS:%=-k %) $(CASES)

.PHONY: check-bare
check-bare: ## README's two commands on a bare Debian 12 and 13 (as root)
	$(Q)scripts/check-bare

.PHONY: check-packages
check-packages: ## the Debian packages on a bare Debian 12 and 13: built, installed, upgraded, purged (as root; most of an hour)
	$(Q)scripts/check-packages

# Build variants. Sanitizers instrument the whole library; the cases that make sense under one are listed with it.
# ThreadSanitizer forbids much after fork and in signal handlers: what is about children, and has one thread, goes
# without; and so does what counts threads, for it has one of its own. Nor does it know that two threads order their accesses by a word of a ring that each has mapped for itself.
TSAN_UNIT := $(filter-out tests/unit/test-diagnose-% tests/unit/test-holder tests/unit/test-recover tests/unit/test-hooks tests/unit/test-sftp-server tests/unit/test-sftp-beside tests/unit/test-sftp-transport tests/unit/test-sftp-listings tests/unit/test-transport-told tests/unit/test-sftp-client% tests/unit/test-backend-sftp%,$(UNIT_SRC:%.c=%))

.PHONY: asan ubsan tsan
asan: ## unit tests under AddressSanitizer (with leaks), in build-asan
	$(Q)$(MAKE) BUILD=build-asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		EXTRA_CFLAGS='-fsanitize=address' EXTRA_LDFLAGS='-fsanitize=address' check-unit
ubsan: ## unit tests under UndefinedBehaviorSanitizer, in build-ubsan
	$(Q)$(MAKE) BUILD=build-ubsan CFLAGS='-O1 -g' \
		EXTRA_CFLAGS='-fsanitize=undefined -fno-sanitize-recover=all' \
		EXTRA_LDFLAGS='-fsanitize=undefined' check-unit
tsan: ## unit tests under ThreadSanitizer, in build-tsan
	+$(Q)$(TSAN_MAKE) check-unit UNIT_BIN="$(TSAN_UNIT:%=build-tsan/%)"

# With a whole daemon under sanitizers. Not the cases that count milliseconds, nor those that are about guardctl and how long it
# takes, nor one with a preload of its own, which would have to come before that of the sanitizer.
SANITIZED_CASES ?= $(patsubst tests/cases/%.sh,%,$(filter-out %/move.sh %/move-cut.sh %/move-trouble.sh %/unread.sh,$(wildcard tests/cases/tiers/*.sh))) local/oracle local/oracle-inline local/programs guard/errno guard/fault guard/kill-sshfs \
	guard/poisoned guard/write-error behind/order behind/lost session/kill-keeper session/reexec session/poison visible/walkers config/names recovery/plan recovery/control recovery/keeper-dies
# Several times as slow: fewer of them at once, for their deadlines are the same.
SANITIZED_JOBS  ?= $(shell expr $$(nproc) + 1)
SANITIZE_MAKE    = $(MAKE) BUILD=build-sanitize CFLAGS='-O1 -g -fno-omit-frame-pointer' \
	EXTRA_CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all' \
	EXTRA_LDFLAGS='-fsanitize=address,undefined'
TSAN_MAKE        = $(MAKE) BUILD=build-tsan CFLAGS='-O1 -g' EXTRA_LDFLAGS='-fsanitize=thread' \
	EXTRA_CFLAGS='-fsanitize=thread $(if $(findstring clang,$(CC)),,-Wno-tsan)'

# What the steps below build, for who has nothing to wait for (scripts/check).
.PHONY: sanitize-build tsan-build
sanitize-build:
	+$(Q)$(SANITIZE_MAKE) all tools unit-build
tsan-build:
	+$(Q)$(TSAN_MAKE) unit-build UNIT_BIN="$(TSAN_UNIT:%=build-tsan/%)"

.PHONY: sanitize
sanitize: ## unit tests and cases under AddressSanitizer and UndefinedBehaviorSanitizer (as root)
	+$(Q)$(SANITIZE_MAKE) all tools check-unit
	$(Q)BUILD=$(abspath build-sanitize) tests/run -j $(SANITIZED_JOBS) $(SANITIZED_CASES)

.PHONY: tsan-cases
tsan-cases: ## the same cases under ThreadSanitizer (as root)
	+$(Q)$(TSAN_MAKE) all tools
	$(Q)BUILD=$(abspath build-tsan) tests/run -j $(SANITIZED_JOBS) $(SANITIZED_CASES)

# Fuzz targets: tests/fuzz/fuzz-PARSER.c with LLVMFuzzerTestOneInput; corpus in tests/fuzz/corpus/PARSER/, one file per
# finding, named after what it means. Built by clang in build-fuzz.
FUZZ_SECONDS ?= 60
FUZZ_SRC     := $(wildcard tests/fuzz/fuzz-*.c)
FUZZ_BIN     := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/tests/fuzz/%)
FUZZ_FLAGS   := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_MAKE     = $(MAKE) BUILD=build-fuzz CC=clang CFLAGS='-O1 -g' EXTRA_CFLAGS='$(FUZZ_FLAGS)' \
		EXTRA_LDFLAGS='-fsanitize=address,undefined'

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(BUILD)/libguardfs.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(BUILD)/libguardfs.a $(LDLIBS)

.PHONY: fuzz-bin
fuzz-bin: $(FUZZ_BIN)

.PHONY: fuzz-build
fuzz-build:
	+$(Q)$(FUZZ_MAKE) fuzz-bin

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZ_SECONDS (60) each
	+$(Q)$(FUZZ_MAKE) fuzz-bin
	$(Q)tests/lib/run-fuzz build-fuzz $(FUZZ_SECONDS)

.PHONY: check-fuzz
check-fuzz: ## what fuzzing found so far, run again
	+$(Q)$(FUZZ_MAKE) fuzz-bin
	$(Q)tests/lib/run-fuzz build-fuzz 0

BENCH_SRC := $(wildcard tests/bench/*.c)
BENCH_BIN := $(BENCH_SRC:tests/bench/%.c=$(BUILD)/tests/bench/%)

# It speaks SFTP by guardfs's own parts.
$(BUILD)/tests/bench/wire: tests/bench/wire.c $(BUILD)/libguardfs.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(BUILD)/libguardfs.a $(LDLIBS)

$(filter-out %/wire,$(BENCH_BIN)): $(BUILD)/tests/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(LDLIBS)

.PHONY: bench
bench: $(PROGRAMS) $(TOOL_BIN) $(BENCH_BIN) ## compare with the bare directory, bindfs, mergerfs, sshfs (as root)
	$(Q)BUILD=$(abspath $(BUILD)) tests/bench/run
