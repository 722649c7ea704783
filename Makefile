# ggtool: GNU make, no configure. `make` builds ./ggtool; `make help` lists the targets.
# Overridable: CC CFLAGS LDFLAGS AR PREFIX DESTDIR MODE=release|debug|asan|ubsan|tsan DEV=1

CC      ?= cc
AR      ?= ar
PREFIX  ?= /usr/local
MODE    ?= release
VERSION := 0.1.0

BUILD := build/$(MODE)
BIN   := $(if $(filter release,$(MODE)),ggtool,$(BUILD)/ggtool)

# ---- flags ---------------------------------------------------------------------------------------

CFLAGS ?= -O2 -g
LIBS   := jansson libpcre2-8 nettle
WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings
MODE_release :=
MODE_debug   := -O0 -g3
MODE_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
MODE_ubsan   := -O1 -g -fsanitize=undefined,float-cast-overflow -fno-sanitize-recover=all
MODE_tsan    := -O1 -g -fsanitize=thread

# Exactness flags stand last so that no user's CFLAGS can undo them: results are the same bytes for
# every compiler and CPU only while no product and sum are contracted (docs/DESIGN.md, section 5).
EXACT := -ffp-contract=off -fno-fast-math
LIB_CFLAGS := $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
LIB_LIBS    = $(shell pkg-config --libs $(LIBS))
CPPFLAGS_ALL := -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DGG_VERSION='"$(VERSION)"' $(CPPFLAGS) $(LIB_CFLAGS)
CFLAGS_ALL   := -std=c11 -pthread $(WARN) $(if $(DEV),-Werror) $(CFLAGS) $(MODE_$(MODE)) $(EXACT)
LDLIBS_ALL    = $(LIB_LIBS) -lm -pthread

# Kernels are worth -O3; it changes speed only.
$(BUILD)/lib/quant/%.o: CFLAGS_ALL := $(CFLAGS_ALL) $(if $(filter release,$(MODE)),-O3) $(EXACT)

# ---- sources -------------------------------------------------------------------------------------

LIB_SRC  := $(sort $(wildcard gguf/*.c lib/*/*.c lib/quant/*/*.c))
ifeq ($(wildcard lib/quant/blocks.h),)
LIB_SRC  := $(filter-out lib/quant/%,$(LIB_SRC))
endif
CMD_SRC  := $(sort $(wildcard cmds/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
CMD_OBJ  := $(CMD_SRC:%.c=$(BUILD)/%.o)
LIB      := $(BUILD)/libggtool.a
TEST_SRC := $(sort $(wildcard tests/unit/test_*.c tests/kern/test_*.c tests/golden/test_*.c))
TEST_BIN := $(TEST_SRC:%.c=$(BUILD)/%)

.PHONY: all lib help clean deps demo check check-quick unit
all: $(BIN)
lib: $(LIB)

$(BIN): $(CMD_OBJ) $(LIB)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LDLIBS_ALL)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(TEST_BIN:=.d) $(BUILD)/tests/check_main.d

# ---- tests ---------------------------------------------------------------------------------------
# Each tests/{unit,kern,golden}/test_*.c is a program of its own: it defines `Suite *suite(void)`.

$(TEST_BIN): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/tests/check_main.o $(LIB)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs check) $(LDLIBS_ALL)
.SECONDARY: $(TEST_BIN:=.o)

unit: $(TEST_BIN)
	@set -e; for t in $(TEST_BIN); do $$t; done

clean:
	rm -rf build ggtool
