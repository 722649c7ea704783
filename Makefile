# ggtool: GNU make, no configure. `make` builds ./ggtool; `make help` lists the targets.
# Overridable: CC CFLAGS LDFLAGS AR PREFIX DESTDIR MODE=release|debug|asan|ubsan|tsan DEV=1 V=1

CC      ?= cc
AR      ?= ar
PREFIX  ?= /usr/local
MODE    ?= release
VERSION := 0.1.0
# That of the man pages, and of all that packages carry.
DATE    := November 21, 2026

.DEFAULT_GOAL := all
Q     := $(if $(V),,@)
BUILD := build/$(MODE)
BIN   := $(if $(filter release,$(MODE)),ggtool,$(BUILD)/ggtool)

# ---- flags ---------------------------------------------------------------------------------------

CFLAGS ?= -O2 -g1
LIBS   := jansson libpcre2-8 nettle libxxhash libarchive zlib
WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings \
    -Wno-psabi # vectors wider than registers are only passed between functions that are inlined
MODE_release :=
MODE_debug   := -O0 -g3
MODE_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_ubsan   := -O1 -g -fsanitize=undefined,float-cast-overflow -fno-sanitize-recover=all
MODE_tsan    := -O1 -g -fsanitize=thread
X86_LEVELS_asan  := avx2
X86_LEVELS_ubsan := sse2 avx512
X86_LEVELS_tsan  := sse2

# Exactness flags stand last so that no user's CFLAGS can undo them: results are the same bytes for
# every compiler and CPU only while no product and sum are contracted (docs/DESIGN.md, section 5).
# So do SSE2 registers on 32-bit x86, whose others are wider.
TARGET := $(if $(filter 1,$(shell echo __i386__ | $(CC) $(CFLAGS) -E -P -x c - 2>/dev/null)),i386,$(shell $(CC) -dumpmachine 2>/dev/null))
EXACT := -ffp-contract=off -fno-fast-math $(if $(filter i386,$(TARGET)),-msse2 -mfpmath=sse)
LIB_CFLAGS := $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
LIB_LIBS    = $(shell pkg-config --libs $(LIBS))
CPPFLAGS_ALL := -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DGG_VERSION='"$(VERSION)"' $(CPPFLAGS) $(LIB_CFLAGS)
# The same binary wherever the sources lie.
FOLDERS      := '-ffile-prefix-map=$(CURDIR)=.'
CFLAGS_ALL   := -std=c11 -pthread $(WARN) $(if $(DEV),-Werror) $(FOLDERS) $(CFLAGS) $(MODE_$(MODE)) $(EXACT)
LDLIBS_ALL    = $(LIB_LIBS) -lm -pthread

# All libraries are there, or the build stops and names the packages. Not asked when LIB_LIBS is given.
NEED := $(if $(filter file,$(origin LIB_LIBS)),$(BUILD)/libraries)
$(BUILD)/libraries:
	@mkdir -p $(@D)
	@CC='$(CC)' packaging/need.sh $(LIBS)
	@touch $@


# ---- sources -------------------------------------------------------------------------------------

LIB_SRC  := $(sort $(wildcard gguf/*.c lib/*/*.c lib/quant/*/*.c))
CMD_SRC  := $(sort $(wildcard cmds/*.c))
# Vector kernels: each part (lib/quant/vec/v.h) once a CPU level. None on other machines.
# (Instrumented kernels take minutes to compile: each sanitizer sees some of the levels.)
X86_LEVELS := $(or $(X86_LEVELS_$(MODE)),sse2 avx2 avx512)
VEC_LEVELS := $(if $(filter x86_64%,$(TARGET)),$(X86_LEVELS))$(if $(filter aarch64%,$(TARGET)),neon)
VEC_SRC    := $(sort $(wildcard lib/quant/vec/*.c))
LIB_SRC    := $(filter-out lib/quant/vec/%,$(LIB_SRC))
VEC_OBJ    := $(foreach l,$(VEC_LEVELS),$(VEC_SRC:%.c=$(BUILD)/%.$(l).o))
vec_sse2   := lib/quant/x86/v_sse2.h
vec_avx2   := lib/quant/x86/v_avx2.h -march=x86-64-v3
vec_avx512 := lib/quant/x86/v_avx512.h -march=x86-64-v4
vec_neon   := lib/quant/arm/v_neon.h
# Parts built otherwise at a level: searches with few candidates don't fill sixteen lanes, and rows
# of four or eight floats take more to put together than they save.
vec_avx512_encode_iq23 := lib/quant/x86/v_avx2.h -march=x86-64-v4 -mprefer-vector-width=256
# Instructions in the order that Ice Lake likes suit Zen 4 too: 2 to 3 % (what is Zen's own in GCC 12, Zen
# 3, costs 2).
vec_avx512_encode_kmin := $(vec_avx512) -mtune=icelake-server
# Conversions to double are half as fast by sixteen floats as by eight.
vec_avx512_stats := lib/quant/x86/v_avx2.h -march=x86-64-v4 -mprefer-vector-width=256
VEC_CALLS  := $(foreach l,$(VEC_LEVELS),QK_LEVEL($(shell echo $l | tr a-z A-Z), $l))

# How kernels are optimized changes speed only. Vector texts say themselves what is to be unrolled
# (V_UNROLL), which makes -O2 as fast as -O3 in half the time; the reference is worth -O3 where there
# is nothing else.
OPT     = $(if $(filter release,$(MODE)),$(1) $(EXACT))
REF_SRC := lib/quant/stats.c $(wildcard lib/quant/ref/*.c)
$(VEC_OBJ): CFLAGS_ALL := $(CFLAGS_ALL) $(call OPT,-O2)
VEC_O3  := $(foreach l,$(filter-out sse2,$(VEC_LEVELS)),$(BUILD)/lib/quant/vec/encode_iq23.$l.o) \
           $(VEC_LEVELS:%=$(BUILD)/lib/quant/vec/encode_iq1.%.o)
$(VEC_O3): CFLAGS_ALL := $(CFLAGS_ALL) $(call OPT,-O3)
$(REF_SRC:%.c=$(BUILD)/%.o): CFLAGS_ALL := $(CFLAGS_ALL) $(call OPT,$(if $(VEC_LEVELS),-O2,-O3))

LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o) $(VEC_OBJ)
CMD_OBJ  := $(CMD_SRC:%.c=$(BUILD)/%.o)
LIB      := $(BUILD)/libggtool.a
CMDLIB   := $(BUILD)/libcmds.a
# (the commands without main: tests link it)
TEST_SRC := $(sort $(wildcard tests/unit/test_*.c tests/kern/test_*.c tests/golden/test_*.c))
TEST_BIN := $(TEST_SRC:%.c=$(BUILD)/%)
FUZZ_BIN := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
TOOL_BIN := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/tools/*.c)))

.PHONY: all lib help clean deps demo check check-quick unit cli lint bench fuzz fuzz-replay example
.PHONY: arm64 i386 test-programs generate measure-types install uninstall
.PHONY: dist deb static check-packages
all: $(BIN)
lib: $(LIB)

help:
	@echo 'make                build ./ggtool'
	@echo 'make deps           install what building needs (apt or Homebrew); make deps check: and testing'
	@echo 'make demo           build, and requantize the bundled model as a demonstration'
	@echo 'make check          all tests: release, ASan, UBSan, lint, fuzz replay, clang'
	@echo 'make check-quick    the tests of the release build, under a minute'
	@echo 'make unit cli lint fault arm64  parts of them; make cli CASES="inspect-*" some cases'
	@echo 'make fuzz-NAME      a libFuzzer program of tests/fuzz/fuzz_NAME.c (clang)'
	@echo 'make generate       write completions/ and man/ anew from the tables of the commands'
	@echo 'make bench          speed of the kernels: a table, and build/bench.json'
	@echo 'make install        to DESTDIR/PREFIX ($(PREFIX)), LINKS=1: also gg-COMMAND; make uninstall'
	@echo 'make dist deb static   to dist/: sources, Debian packages, a program for any Linux'
	@echo 'make check-packages  what these are worth (minutes; a clean root wants to be root)'
	@echo 'make clean'
	@echo 'MODE=release|debug|asan|ubsan|tsan  DEV=1 (-Werror)  V=1 (show commands)'

$(BIN): $(CMD_OBJ) $(LIB)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LDLIBS_ALL)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(CMDLIB): $(filter-out %/main.o,$(CMD_OBJ))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/%.o: %.c | $(NEED)
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

define VEC_RULE
$(BUILD)/lib/quant/vec/%.$(1).o: vec_isa = $$(or $$(vec_$(1)_$$(*F)),$$(vec_$(1)))
$(BUILD)/lib/quant/vec/%.$(1).o: lib/quant/vec/%.c | $$(NEED)
	@mkdir -p $$(@D)
	@echo "  CC $$< ($(1))"
	$$(Q)$$(CC) $$(CPPFLAGS_ALL) -DV_LEVEL=$(1) -DV_ISA_FILE='"$$(firstword $$(vec_isa))"' \
	    $$(CFLAGS_ALL) $$(wordlist 2,9,$$(vec_isa)) $$(EXACT) -MMD -MP -c -o $$@ $$<
endef
$(foreach l,$(VEC_LEVELS),$(eval $(call VEC_RULE,$l)))
$(BUILD)/lib/quant/kernel.o: Makefile
$(BUILD)/lib/quant/kernel.o: CPPFLAGS_ALL += -DQK_VEC_LEVELS="$(VEC_CALLS)"

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(CMD_OBJ)) $(patsubst %,%.d,$(TEST_BIN) $(FUZZ_BIN) $(TOOL_BIN))
-include $(GEN_OBJ:.o=.d)
-include $(BUILD)/tests/check_main.d $(BUILD)/tests/scratch.d $(BUILD)/tests/bench/bench.d
-include $(patsubst %.c,$(BUILD)/tests/bench/%.d,$(REF_SRC))

# ---- tests ---------------------------------------------------------------------------------------
# Each tests/{unit,kern,golden}/test_*.c is a program of its own: it defines `Suite *suite(void)`.
# Each tests/fuzz/fuzz_*.c defines LLVMFuzzerTestOneInput; linked with replay.c it runs a corpus.

TEST_LIBS = $(shell pkg-config --libs check)
NEED_CHECK := $(if $(filter file,$(origin TEST_LIBS)),$(BUILD)/libraries-check)
$(BUILD)/libraries-check:
	@mkdir -p $(@D)
	@CC='$(CC)' packaging/need.sh check
	@touch $@
$(TEST_BIN:=.o) $(BUILD)/tests/check_main.o: | $(NEED_CHECK)
$(TEST_BIN): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/tests/check_main.o $(BUILD)/tests/scratch.o $(CMDLIB) $(LIB)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LDLIBS_ALL)
$(FUZZ_BIN): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/tests/fuzz/replay.o $(LIB)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LDLIBS_ALL)
.SECONDARY: $(TEST_BIN:=.o) $(FUZZ_BIN:=.o) $(TOOL_BIN:=.o)

test-programs: $(TEST_BIN) $(FUZZ_BIN) $(TOOL_BIN) $(BIN)

# Programs that make models for tests and measurements.
$(TOOL_BIN): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LDLIBS_ALL)

# Completions and man pages, from the tables of the commands. They are committed: lint compares.
GEN     := $(BUILD)/packaging/generate/generate
GEN_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard packaging/generate/*.c)))
$(GEN_OBJ): CPPFLAGS_ALL += -DGG_DATE='"$(DATE)"'
$(GEN): $(GEN_OBJ) $(CMDLIB) $(LIB)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LDLIBS_ALL)
generate: $(GEN)
	$(Q)mkdir -p completions man
	$(Q)$(GEN) packaging/generate .
# How wrong each type is, for ggtool-types(7).
measure-types: $(BIN)
	$(Q)packaging/generate/errors.sh ./$(BIN) > $(BUILD)/errors.tsv
	$(Q)mv $(BUILD)/errors.tsv packaging/generate/errors.tsv

fuzz-%: tests/fuzz/fuzz_%.c
	$(MAKE) lib CC=clang BUILD=build/fuzz CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined'
	clang $(CPPFLAGS_ALL) -std=c11 -O1 -g -fsanitize=fuzzer,address,undefined -o build/fuzz/$@ $< \
	    build/fuzz/libggtool.a $(LDLIBS_ALL)
	@echo "run: build/fuzz/$@ fixtures/fuzz/$*"

fuzz: $(patsubst tests/fuzz/fuzz_%.c,fuzz-%,$(wildcard tests/fuzz/fuzz_*.c))
# Every target over its own corpus and the odd files.
fuzz-replay: $(FUZZ_BIN)
	$(Q)set -e; for t in $(FUZZ_BIN); do n=$${t##*/fuzz_}; \
	    $$t fixtures/bad fixtures/ok fixtures/fuzz/$$n; done

# The example of the docs, built against the headers as they are installed and libc alone. They lie side
# by side there, so their includes lose the folders.
BASE_H   := err.h finding.h
EXPORT   := sed 's|\#include "lib/base/|\#include "|'
EXPORT_H = $(addprefix $(BUILD)/include/ggtool/,gguf.h $(BASE_H))
$(BUILD)/include/ggtool/gguf.h: gguf/gguf.h
	@mkdir -p $(@D)
	$(Q)$(EXPORT) $< > $@
$(BUILD)/include/ggtool/%.h: lib/base/%.h
	@mkdir -p $(@D)
	$(Q)$(EXPORT) $< > $@
$(BUILD)/docs/example: docs/example.c gguf/gguf.h $(LIB)
	@mkdir -p $(@D)
	@$(MAKE) --no-print-directory $(EXPORT_H)
	$(Q)$(CC) -I$(BUILD)/include -std=c11 -pedantic $(WARN) -Werror $(CFLAGS) $(MODE_$(MODE)) \
	    $(LDFLAGS) -o $@ $< $(LIB)
example: $(BUILD)/docs/example
	@$< fixtures/models/tiny-bf16.gguf | grep -c '^token_embd.weight: type 30, 262144 elements' >/dev/null
	@echo 'example: runs'

# Options: make bench BENCH='--types=q4_K --levels=avx2'. Level c is the reference built with -O3.
BENCH_REF := $(REF_SRC:%.c=$(BUILD)/tests/bench/%.o)
$(BENCH_REF): CFLAGS_ALL := $(CFLAGS_ALL) $(call OPT,-O3)
$(BENCH_REF): $(BUILD)/tests/bench/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $< (-O3)"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/tests/bench/bench: $(BUILD)/tests/bench/bench.o $(BENCH_REF) $(LIB)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LDLIBS_ALL)
bench: $(BUILD)/tests/bench/bench
	@$< --json=build/bench.json $(BENCH)

unit: $(TEST_BIN)
	@tests/programs.sh $(TEST_BIN)
cli: $(BIN) $(TOOL_BIN)
	@tests/cli/run.sh --ggtool $(BIN) --tools $(BUILD)/tests/tools $(CASES)
# System calls that fail one after the other, and kills.
$(BUILD)/tests/fault/inject.so: tests/fault/inject.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(WARN) -O1 -fPIC -shared -o $@ $< -ldl
fault-%: tests/fault/%.sh $(BIN) $(TOOL_BIN) $(BUILD)/tests/fault/inject.so
	@$< $(BIN) $(BUILD)/tests/tools/mkmodel $(BUILD)/tests/fault/inject.so
fault: $(patsubst tests/fault/%.sh,fault-%,$(wildcard tests/fault/*.sh))
# Built by a cross compiler, run under qemu-user (arm64) or as it is (i386): all tests of the program.
# `make check` runs the kernels on arm64, for NEON.
arm64 i386:
	+@MAKE='$(MAKE)' tests/cross/run.sh $@ $(if $(CASES),cases $(CASES))
lint: $(LIB) $(GEN)
	@tests/lint/lint.sh $(LIB) $(GEN)
check-quick: test-programs
	+@tests/check.sh quick
check:
	+@tests/check.sh full
deps:
	@packaging/deps.sh $(if $(filter check check-% unit cli lint arm64 i386,$(MAKECMDGOALS)),check) $(if $(filter i386,$(MAKECMDGOALS)),i386) $(if $(filter deb static check-packages,$(MAKECMDGOALS)),packages)
demo: $(BIN)
	@packaging/demo.sh $(BIN)

clean:
	rm -rf build dist ggtool

# ---- packages ------------------------------------------------------------------------------------

dist deb static:
	+@MAKE='$(MAKE)' packaging/$@.sh
check-packages: $(BIN) $(TOOL_BIN)
	+@for t in debian others static; do MAKE='$(MAKE)' tests/packages/$$t.sh || exit 1; done

# ---- the library that is installed ---------------------------------------------------------------
# The format alone: it needs libc and nothing else. Position independent, for the static one too.

FORMAT_OBJ := $(patsubst %.c,$(BUILD)/pic/%.o,$(filter gguf/% lib/base/% lib/quant/qtype.c,$(LIB_SRC)))
ABI        := 0
# Exported is what the headers declare.
PUBLIC_H   := gguf/gguf.h $(BASE_H:%=lib/base/%)
EXPORTS    := $(BUILD)/installed/exports
$(EXPORTS): $(PUBLIC_H) Makefile
	@mkdir -p $(@D)
	@{ $(EXPORTS_HEAD); grep -ohE '(ggf|gg)_[a-z0-9_]+\(' $(PUBLIC_H) | sort -u | sed '$(EXPORTS_SED)'; \
	    $(EXPORTS_TAIL); } > $@
STATIC     := $(BUILD)/installed/libggtool.a
ifneq ($(filter %darwin%,$(TARGET)),)
SHARED       := $(BUILD)/installed/libggtool.$(ABI).dylib
SHARED_NAMES := libggtool.dylib
SHARED_FLAGS  = -dynamiclib -install_name $(LIBDIR)/$(notdir $@) \
                -Wl,-exported_symbols_list,$(EXPORTS)
EXPORTS_HEAD := true
EXPORTS_TAIL := true
EXPORTS_SED  := s/\(.*\)(/_\1/
else
SHARED       := $(BUILD)/installed/libggtool.so.$(VERSION)
SHARED_NAMES := libggtool.so.$(ABI) libggtool.so
SHARED_FLAGS := -shared -Wl,-soname,libggtool.so.$(ABI) -Wl,--version-script=$(EXPORTS)
EXPORTS_HEAD := echo '{ global:'
EXPORTS_TAIL := echo 'local: *; };'
EXPORTS_SED  := s/(/;/
endif
$(BUILD)/pic/%.o: %.c | $(NEED)
	@mkdir -p $(@D)
	@echo "  CC $< (pic)"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -fPIC -MMD -MP -c -o $@ $<
$(STATIC): $(FORMAT_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(SHARED): $(FORMAT_OBJ) $(EXPORTS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) $(SHARED_FLAGS) -o $@ $(FORMAT_OBJ)
-include $(FORMAT_OBJ:.o=.d)

# ---- installation --------------------------------------------------------------------------------
# Where bash, zsh and fish, man and pkg-config look by default.

BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
LINKS      ?=
INSTALL_IN  = DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' BINDIR='$(BINDIR)' LIBDIR='$(LIBDIR)' \
              INCLUDEDIR='$(INCLUDEDIR)' MANDIR='$(MANDIR)' BASHDIR='$(BASHDIR)' ZSHDIR='$(ZSHDIR)' \
              FISHDIR='$(FISHDIR)' LINKS='$(LINKS)' VERSION='$(VERSION)' BIN='$(BIN)' \
              STATIC='$(STATIC)' SHARED='$(SHARED)' SHARED_NAMES='$(SHARED_NAMES)' SHARED_MODE=644 \
              HEADERS='$(PUBLIC_H)' packaging/install.sh
install: $(BIN) $(STATIC) $(SHARED)
	@$(INSTALL_IN) install
uninstall:
	@$(INSTALL_IN) uninstall
