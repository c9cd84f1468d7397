# guardfs: make help

CC      ?= gcc
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
V       ?= 0
Q        = $(if $(filter 1,$(V)),,@)

VERSION := 0.1.0
PKGS    := fuse3 libsystemd jansson inih
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Iguardfs -I. -DGUARDFS_VERSION='"$(VERSION)"'
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
	    -Wold-style-definition -Wwrite-strings -Wcast-qual -Wundef -Wvla -Wformat=2 -Wformat-security \
	    -Wnull-dereference -Wredundant-decls -Wimplicit-fallthrough -Wdouble-promotion
CFLAGS  ?= -O2 -g
CFLAGS  += -std=c11 $(WARNINGS) -pthread -fno-common -fstack-protector-strong $(EXTRA_CFLAGS)
CFLAGS  += $(shell pkg-config --cflags $(PKGS))
LDLIBS  += $(shell pkg-config --libs $(PKGS)) -pthread
LDFLAGS += $(EXTRA_LDFLAGS)

# One library of everything but the programs' main functions; each program and unit test takes what it needs.
LIB_DIRS := base policy shm config report backend fs guardian worker keeper
LIB_SRC  := $(foreach d,$(LIB_DIRS),$(wildcard guardfs/$(d)/*.c)) $(wildcard sshfs-compat/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
CTL_SRC  := $(wildcard guardfs/ctl/*.c)
CTL_OBJ  := $(CTL_SRC:%.c=$(BUILD)/%.o)
PROGRAMS := $(BUILD)/guardfs $(BUILD)/guardctl

.PHONY: all
all: $(PROGRAMS)

$(BUILD)/libguardfs.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/guardfs: $(BUILD)/guardfs/main.o $(BUILD)/libguardfs.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/guardctl: $(CTL_OBJ) $(BUILD)/libguardfs.a
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

include tests/tests.mk
include docs/docs.mk

.PHONY: clean
clean:
	rm -rf build build-asan build-ubsan build-tsan
