# guardfs: make help

CC      ?= gcc
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
V       ?= 0
Q        = $(if $(filter 1,$(V)),,@)

# The one place is the first line of debian/changelog.
VERSION := $(shell awk -F'[()]' '{print $$2; exit}' debian/changelog)
PKGS    := fuse3 libsystemd jansson sqlite3 libssh libcrypto zlib
override CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Iguardfs -I. -DGUARDFS_VERSION='"$(VERSION)"'
WERROR  ?= -Werror
WARNINGS := -Wall -Wextra $(WERROR) -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
	    -Wold-style-definition -Wwrite-strings -Wcast-qual -Wundef -Wvla -Wformat=2 -Wformat-security \
	    -Wnull-dereference -Wredundant-decls -Wimplicit-fallthrough -Wdouble-promotion
CFLAGS  ?= -O2 -g
override CFLAGS += -std=c11 $(WARNINGS) -pthread -fno-common -fstack-protector-strong $(EXTRA_CFLAGS)
override CFLAGS += $(shell pkg-config --cflags $(PKGS))
override LDLIBS += $(shell pkg-config --libs $(PKGS)) -pthread
override LDFLAGS += $(EXTRA_LDFLAGS)
# guardctl alone draws on terminals.
CTL_LDLIBS := $(shell pkg-config --libs ncursesw)

# One library of everything but the programs' main functions; each program and unit test takes what it needs.
LIB_DIRS := base policy shm config sftp diagnose report backend generations fs journal guardian worker control keeper verify
LIB_SRC  := $(foreach d,$(LIB_DIRS),$(wildcard guardfs/$(d)/*.c)) $(wildcard sshfs-compat/*.c)
LIB_SRC  += $(wildcard guardfs/ctl/*.c guardfs/ctl/*/*.c)
LIB_SRC  := $(filter-out guardfs/ctl/main.c guardfs/verify/main.c sshfs-compat/drop-in-main.c,$(LIB_SRC))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
MAIN_OBJ := $(BUILD)/obj/guardfs/main.o $(BUILD)/obj/guardfs/ctl/main.o $(BUILD)/obj/guardfs/verify/main.o $(BUILD)/obj/sshfs-compat/drop-in-main.o
PROGRAMS := $(BUILD)/guardfs $(BUILD)/guardctl $(BUILD)/guardfs-verify $(BUILD)/sshfs-guard

.PHONY: all
all: $(PROGRAMS) ## build guardfs, guardctl, guardfs-verify and sshfs-guard (the default); BUILD=DIR elsewhere, V=1 shows the commands

$(BUILD)/libguardfs.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/guardfs: $(BUILD)/obj/guardfs/main.o $(BUILD)/libguardfs.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/guardctl: $(BUILD)/obj/guardfs/ctl/main.o $(BUILD)/libguardfs.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(CTL_LDLIBS)

$(BUILD)/guardfs-verify: $(BUILD)/obj/guardfs/verify/main.o $(BUILD)/libguardfs.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/sshfs-guard: $(BUILD)/obj/sshfs-compat/drop-in-main.o $(BUILD)/libguardfs.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

include tests/tests.mk
include docs/docs.mk

.PHONY: lint
lint: $(LIB_OBJ) $(MAIN_OBJ) ## formatting, layers, circles of calls, and the house rules (scripts/lint-*)
	$(Q)scripts/lint-format
	$(Q)scripts/lint-layers
	$(Q)scripts/lint-circles $(LIB_OBJ) $(MAIN_OBJ)
	$(Q)scripts/lint-rules

.PHONY: format
format: ## put all C files into the format that lint wants
	$(Q)scripts/lint-format --fix

# Read off what make would do; nothing is built.
COMMANDS_JQ := [inputs | select(test("-D_GNU_SOURCE.* -o ")) | capture("(?<command>.* (?<file>[^ ]+\\.c)( .*)?)") | {$$directory, file, command}]

.PHONY: compdb
compdb: ## compile_commands.json, for clangd and other tools; needs jq
	$(Q)$(MAKE) -nB --no-print-directory all tools $(UNIT_BIN) | jq -nR --arg directory '$(CURDIR)' '$(COMMANDS_JQ)' >compile_commands.json

# Man pages come from docs/man/NAME.SECTION.scd.
MAN_SRC := $(wildcard docs/man/*.scd)
MAN_OUT := $(MAN_SRC:docs/man/%.scd=$(BUILD)/man/%)

$(BUILD)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	@echo "  MAN   $@"
	$(Q)scdoc < $< > $@.tmp && mv $@.tmp $@

.PHONY: man
man: $(MAN_OUT) ## man pages, into BUILD/man

# mount(8) looks for helpers in /sbin and nowhere else, whatever PREFIX is. (A package gives /usr/sbin, which is the same directory.)
SBINDIR  := $(DESTDIR)$(PREFIX)/sbin
BINDIR   := $(DESTDIR)$(PREFIX)/bin
MANDIR   := $(DESTDIR)$(PREFIX)/share/man
DOCDIR   := $(DESTDIR)$(PREFIX)/share/doc/guardfs
EXAMPLES := $(DOCDIR)/examples
MAN_INSTALLED = $(foreach m,$(MAN_SRC:docs/man/%.scd=%),$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(m))
HELPERDIR ?= /sbin
HELPER   := $(DESTDIR)$(HELPERDIR)/mount.fuse.guardfs
BASHDIR  := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSHDIR   ?= $(PREFIX)/share/zsh/site-functions
# systemd looks there for PREFIX /usr and /usr/local; else give UNITDIR.
UNITDIR  ?= $(PREFIX)/lib/systemd/system
UNIT     := $(DESTDIR)$(UNITDIR)/guardfs@.service
DROPINS  := $(wildcard docs/examples/systemd/*.conf)
# Alerts and messages name sections of these: they must be at hand where guardfs runs.
DOCS     := $(wildcard docs/*.md)
HOOKS    := $(wildcard docs/examples/hooks/*)
COMPLETE_BASH := $(wildcard completions/bash/*)
COMPLETE_ZSH  := $(wildcard completions/zsh/*)

.PHONY: install
install: $(PROGRAMS) man install-units ## install below DESTDIR and PREFIX (/usr/local), and /sbin/mount.fuse.guardfs
	install -D -m 0755 $(BUILD)/guardfs $(SBINDIR)/guardfs
	install -D -m 0755 -t $(BINDIR) $(BUILD)/guardctl $(BUILD)/guardfs-verify $(BUILD)/sshfs-guard
	install -d $(dir $(HELPER))
	ln -sfn $(if $(filter $(PREFIX)/sbin,$(HELPERDIR)),guardfs,$(PREFIX)/sbin/guardfs) $(HELPER)
	install -D -m 0644 -t $(BASHDIR) $(COMPLETE_BASH)
	install -D -m 0644 -t $(DESTDIR)$(ZSHDIR) $(COMPLETE_ZSH)
	$(foreach m,$(MAN_OUT),install -D -m 0644 $(m) $(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m));)
	install -D -m 0644 -t $(DOCDIR) $(DOCS)
	sed -i 's|/usr/local/|$(PREFIX)/|g' $(MAN_INSTALLED) $(DOCS:docs/%=$(DOCDIR)/%)
	install -D -m 0644 docs/guardfs.conf.example $(EXAMPLES)/guardfs.conf
	install -D -m 0755 -t $(EXAMPLES)/worker docs/examples/worker/retry.sh docs/examples/worker/retry.py
	install -D -m 0644 -t $(EXAMPLES)/prometheus docs/examples/prometheus/guardfs-alerts.yml docs/examples/prometheus/guardfs-alerts-test.yml
	install -D -m 0644 -t $(EXAMPLES)/grafana docs/examples/grafana/guardfs.json
	install -D -m 0644 -t $(EXAMPLES)/needrestart docs/examples/needrestart/guardfs.conf
	install -D -m 0755 -t $(EXAMPLES)/hooks $(HOOKS)
	install -D -m 0755 -t $(EXAMPLES)/migration scripts/migrate-from-binds $(wildcard scripts/compat/*)

.PHONY: install-units
install-units: ## the systemd unit and examples of drop-ins alone
	install -d $(dir $(UNIT)) $(EXAMPLES)/systemd
	sed 's|/usr/local/|$(PREFIX)/|g' scripts/systemd/guardfs@.service > $(UNIT)
	chmod 0644 $(UNIT)
	install -m 0644 -t $(EXAMPLES)/systemd $(DROPINS)

.PHONY: uninstall
uninstall: ## remove what install put there
	rm -f $(UNIT) $(DROPINS:docs/examples/%=$(EXAMPLES)/%)
	rm -f $(SBINDIR)/guardfs $(BINDIR)/guardctl $(BINDIR)/guardfs-verify $(BINDIR)/sshfs-guard $(HELPER) $(EXAMPLES)/guardfs.conf $(EXAMPLES)/worker/retry.*
	rm -f $(EXAMPLES)/prometheus/guardfs-alerts.yml $(EXAMPLES)/prometheus/guardfs-alerts-test.yml $(EXAMPLES)/grafana/guardfs.json
	rm -f $(EXAMPLES)/needrestart/guardfs.conf
	rm -f $(HOOKS:docs/examples/%=$(EXAMPLES)/%) $(DOCS:docs/%=$(DOCDIR)/%)
	rm -f $(addprefix $(EXAMPLES)/migration/,migrate-from-binds $(notdir $(wildcard scripts/compat/*)))
	rm -f $(MAN_INSTALLED)
	rm -f $(COMPLETE_BASH:completions/bash/%=$(BASHDIR)/%) $(COMPLETE_ZSH:completions/zsh/%=$(DESTDIR)$(ZSHDIR)/%)

# The bytes depend on the commit alone: the order of names, times and owners are git's, and gzip adds no time of its own.
.PHONY: dist
dist: ## guardfs-VERSION.tar.gz of the last commit, in BUILD; the same bytes each time
	@mkdir -p $(BUILD)
	$(Q)git archive --format=tar --prefix=guardfs-$(VERSION)/ HEAD >$(BUILD)/guardfs-$(VERSION).tar
	$(Q)gzip -9nf $(BUILD)/guardfs-$(VERSION).tar
	@echo $(BUILD)/guardfs-$(VERSION).tar.gz

.PHONY: deb
deb: ## Debian packages of the last commit, in BUILD/deb; the same bytes each time
	$(Q)scripts/build-deb $(abspath $(BUILD))/deb

.PHONY: clean
clean: ## remove all build directories
	rm -rf build build-asan build-ubsan build-tsan build-fuzz build-clang build-sanitize

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 18
