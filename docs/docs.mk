# docs/STATES.md and docs/ERRORS.md are printed from the tables in guardfs/policy/, so that they cannot differ from them.
GEN_DOCS := $(BUILD)/tests/tools/gen-docs

$(GEN_DOCS): tests/tools/gen-docs.c $(BUILD)/libguardfs.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(BUILD)/libguardfs.a $(LDLIBS)

.PHONY: docs-tables
docs-tables: $(GEN_DOCS) ## write docs/STATES.md and docs/ERRORS.md anew
	$(Q)$(GEN_DOCS) states > docs/STATES.md
	$(Q)$(GEN_DOCS) errors > docs/ERRORS.md

.PHONY: check-docs
check-docs: $(GEN_DOCS) man check-dist ## do docs/STATES.md and docs/ERRORS.md say what the tables say? are the names in docs in the code? do man pages, alert rules work?
	$(Q)$(GEN_DOCS) states | diff -u docs/STATES.md - || { echo 'docs/STATES.md: run make docs-tables'; exit 1; }
	$(Q)$(GEN_DOCS) errors | diff -u docs/ERRORS.md - || { echo 'docs/ERRORS.md: run make docs-tables'; exit 1; }
	$(Q)tests/lib/check-metrics
	$(Q)scripts/lint-names

.PHONY: check-dist
check-dist: ## is the version in CHANGELOG.md that of debian/changelog? does the tarball have the same bytes twice?
	$(Q)scripts/check-dist
