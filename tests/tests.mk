# Unit tests: tests/unit/test-THING.c, one cmocka program each.
UNIT_SRC := $(wildcard tests/unit/test-*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/unit/%)

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libguardfs.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CPPFLAGS) -Itests $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(BUILD)/libguardfs.a $(LDLIBS) -lcmocka

.PHONY: check-unit
check-unit: $(UNIT_BIN)
	@for t in $^; do $$t || exit 1; done
