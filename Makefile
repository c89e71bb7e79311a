# libgradc.  make: library and command.  make demo, test, test-all, fuzz, check, bench, install, uninstall,
# clean.
#
# OPENCL=0            leaves the OpenCL device out (no CL headers needed)
# IMAGES=0            leaves PNG and JPEG out (neither libpng nor libjpeg-turbo needed)
# DEBUG=1             no optimisation, debug symbols, one buffer for each tensor
# SAN=address,undefined | thread
# CC=clang            PREFIX=/usr/local  DESTDIR=  LIBDIR=  (install)  CASES=regex (bench)
#
# Each configuration has its build folder; the default one puts the libraries into lib/ and the command here.

CC ?= cc
AR ?= ar
OBJCOPY ?= objcopy
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
OPENCL ?= 1
IMAGES ?= 1
DEBUG ?= 0
SAN ?=
CASES ?= .

version_part = $(shell sed -n 's/^\#define GRADC_VERSION_$(1) //p' include/gradc.h)
MAJOR := $(call version_part,MAJOR)
VERSION := $(MAJOR).$(call version_part,MINOR).$(call version_part,PATCH)
MACHINE := $(shell $(CC) -dumpmachine)

comma := ,
space := $(subst ,, )
VARIANT := $(if $(filter 0,$(OPENCL)),-cpu)$(if $(filter 0,$(IMAGES)),-plain)$(if $(filter 1,$(DEBUG)),-debug)$(if $(SAN),-$(subst $(comma),-,$(SAN)))
VARIANT := $(VARIANT)$(if $(findstring clang,$(CC)),-clang)
VARIANT := $(VARIANT)$(if $(findstring $(shell uname -m),$(MACHINE)),,-$(firstword $(subst -, ,$(MACHINE))))
BUILD := build$(VARIANT)
OUT := $(if $(VARIANT),$(BUILD)/,)

# ---- Flags ----

WARNINGS := -pedantic -Wall -Wextra -Wshadow -Wconversion
SPEED := $(if $(filter 1,$(DEBUG)),-O0 -g -DGRADC_DEBUG,$(if $(SAN),-O1 -g1 -fno-omit-frame-pointer,-O3))
# What object-size looks for AddressSanitizer finds, and it takes a fifth of the compilation.
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) $(if $(findstring undefined,$(SAN)),-fno-sanitize-recover=undefined -fno-sanitize=object-size))
FLAGS := -std=c11 $(WARNINGS) $(SPEED) $(SANITIZE) -ffp-contract=off -fno-math-errno -fno-trapping-math -pthread $(CFLAGS)
DEFINES = -Iinclude -Isrc $(if $(filter 0,$(OPENCL)),-DGRADC_NO_OPENCL) $(if $(filter 0,$(IMAGES)),-DGRADC_NO_IMAGES) $(CPPFLAGS)
LIBRARY_FLAGS = $(FLAGS) -fPIC -fvisibility=hidden -DGRADC_BUILD $(DEFINES)
LIBS := -ldl -lcjson $(if $(filter 0,$(IMAGES)),,-lpng -lturbojpeg) -lz -lm -pthread

# ---- Files ----

SOURCES := $(wildcard src/*/*.c src/*/*/*.c)
ifeq ($(OPENCL),0)
SOURCES := $(filter-out src/device/opencl/%,$(SOURCES))
endif
ISAS := $(if $(findstring x86_64,$(MACHINE)),plain avx2 avx512,$(if $(findstring aarch64,$(MACHINE)),neon,plain))
ISA_SOURCES := $(filter %_isa.c,$(SOURCES))
OBJECTS := $(patsubst src/%.c,$(BUILD)/src/%.o,$(filter-out %_isa.c,$(SOURCES)))
OBJECTS += $(foreach isa,$(ISAS),$(patsubst src/%_isa.c,$(BUILD)/src/%_$(isa).o,$(ISA_SOURCES)))
ifneq ($(OPENCL),0)
OBJECTS += $(BUILD)/kernels.o
endif

STATIC := $(OUT)lib/libgradc.a
INSIDE := $(BUILD)/libgradc-inside.a
SHARED := $(OUT)lib/libgradc.so.$(VERSION)
SONAME := libgradc.so.$(MAJOR)
COMMAND := $(OUT)gradc

TOOL_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tools/gradc/*.c)) $(BUILD)/tools/gradc/events.pb-c.o
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(wildcard examples/*.c))
TEST_SOURCES := $(wildcard test/*.c test/ops/*.c)
TEST_SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/support/*.c))
TESTS := $(patsubst %.c,$(BUILD)/%,$(TEST_SOURCES))
BENCH_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard bench/*.c))
BENCH := $(BUILD)/bench/bench
BINDING := bindings/python/gradc/_generated.py

.PHONY: all library demo test test-all test-programs fuzz check bench python deps format install uninstall clean
.DELETE_ON_ERROR:
.SECONDARY:

all: library $(COMMAND)

library: $(STATIC) $(SHARED)

# ---- Library ----

$(BUILD)/src/%.o: src/%.c | $(BUILD)/headers
	@mkdir -p $(@D)
	$(CC) $(LIBRARY_FLAGS) -MMD -MP -c $< -o $@

$(patsubst %,$(BUILD)/src/base/%.o,os os_file os_folder): DEFINES += -D_GNU_SOURCE

# A file of vector loops is compiled once for each instruction set.
plain_flags :=
neon_flags :=
avx2_flags := -mavx2 -mfma
avx512_flags := -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma

define isa_rule
$(BUILD)/src/%_$(1).o: src/%_isa.c | $(BUILD)/headers
	@mkdir -p $$(@D)
	$$(CC) $$(LIBRARY_FLAGS) -DISA=$(1) $$($(1)_flags) -MMD -MP -c $$< -o $$@
endef
$(foreach isa,$(ISAS),$(eval $(call isa_rule,$(isa))))

# gcc's jump threading splits loops whose scalar is the same for all elements (x^a), so that they are no vectors.
ifeq ($(findstring clang,$(CC)),)
$(foreach isa,$(ISAS),$(BUILD)/src/ops/elementwise_$(isa).o): FLAGS += -fno-thread-jumps
endif

# At -O3 gcc unrolls the folds' loops to three times the code, 2.3 MB of the library, which is no faster.
ifeq ($(SPEED)$(findstring clang,$(CC)),-O3)
$(foreach isa,$(ISAS),$(BUILD)/src/ops/reduce_$(isa).o): FLAGS += -O2 -ftree-vectorize
endif

# What is not part of the repository is looked for once, so that its absence is one sentence.
$(BUILD)/headers:
	@mkdir -p $(@D)
	@for header in zlib.h cjson/cJSON.h $(if $(filter 0,$(OPENCL)),,CL/cl.h) \
	    $(if $(filter 0,$(IMAGES)),,png.h turbojpeg.h); do \
	    echo "#include <$$header>" | $(CC) $(CPPFLAGS) -E - >/dev/null 2>&1 || \
	    { echo "$$header is missing: run scripts/install-deps.sh build" \
	           "(without OpenCL: make OPENCL=0; without PNG and JPEG: make IMAGES=0)"; exit 1; }; done
	@touch $@

KERNELS := $(wildcard opencl/*.cl) src/ops/elementwise.def $(sort $(wildcard opencl/tuned/*.txt))

$(BUILD)/kernels.c: $(KERNELS) scripts/embed.sh
	@mkdir -p $(@D)
	sh scripts/embed.sh $(KERNELS) >$@

$(BUILD)/kernels.o: $(BUILD)/kernels.c
	$(CC) $(LIBRARY_FLAGS) -MMD -MP -c $< -o $@

# One object whose only global names are the API's: a program's own names can't meet the library's.
$(STATIC): $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) -nostdlib -r -o $(BUILD)/gradc.o $(OBJECTS)
	$(OBJCOPY) --localize-hidden $(BUILD)/gradc.o
	@rm -f $@
	$(AR) rcs $@ $(BUILD)/gradc.o

# The same with all names, for tests of what is inside.
$(INSIDE): $(OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $(OBJECTS)

$(SHARED): $(OBJECTS) lib/gradc.map
	@mkdir -p $(@D)
	$(CC) -shared $(FLAGS) $(LDFLAGS) -Wl,-soname,$(SONAME) -Wl,--version-script=lib/gradc.map \
	    $(if $(SAN),,-Wl,-z,defs) -o $@ $(OBJECTS) $(LIBS)
	ln -sf $(notdir $@) $(@D)/$(SONAME)
	ln -sf $(SONAME) $(@D)/libgradc.so

# ---- Programs ----

PROGRAM_FLAGS = $(FLAGS) $(DEFINES)

$(BUILD)/tools/%.o: tools/%.c
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_FLAGS) -D_POSIX_C_SOURCE=200809L -MMD -MP -c $< -o $@

# The messages of TensorBoard's files.
$(BUILD)/tools/gradc/events.pb-c.c: tools/gradc/events.proto
	@mkdir -p $(@D)
	@command -v protoc-c >/dev/null || { echo "protoc-c is missing: run scripts/install-deps.sh build"; exit 1; }
	protoc-c --proto_path=tools/gradc --c_out=$(@D) $<

$(BUILD)/tools/gradc/events.pb-c.o: $(BUILD)/tools/gradc/events.pb-c.c
	$(CC) $(FLAGS) -Wno-conversion -Wno-pedantic -MMD -MP -c $< -o $@

$(BUILD)/tools/gradc/events.o: $(BUILD)/tools/gradc/events.pb-c.c
$(BUILD)/tools/gradc/events.o: PROGRAM_FLAGS += -I$(BUILD)/tools/gradc

$(COMMAND): $(TOOL_OBJECTS) $(STATIC)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $(TOOL_OBJECTS) $(STATIC) -lprotobuf-c $(LIBS)

$(BUILD)/examples/%: examples/%.c $(STATIC)
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_FLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(STATIC) $(LIBS)

$(BUILD)/test/%.o: test/%.c
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_FLAGS) -D_GNU_SOURCE -MMD -MP -c $< -o $@

$(BUILD)/test/%: $(BUILD)/test/%.o $(TEST_SUPPORT) $(INSIDE)
	$(CC) $(FLAGS) $(LDFLAGS) -rdynamic -o $@ $< $(TEST_SUPPORT) $(INSIDE) -lcmocka $(LIBS)

$(BUILD)/fuzz/%: test/fuzz/%.c $(INSIDE)
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_FLAGS) $(LDFLAGS) -D_GNU_SOURCE -fsanitize=fuzzer -MMD -MP -o $@ $< $(INSIDE) $(LIBS)

$(BUILD)/bench/%.o: bench/%.c
	@mkdir -p $(@D)
	$(CC) $(PROGRAM_FLAGS) -D_POSIX_C_SOURCE=200809L -MMD -MP -c $< -o $@

$(BUILD)/bench/peak.o: FLAGS += -ffp-contract=fast

$(BENCH): $(BENCH_OBJECTS) $(STATIC)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $(BENCH_OBJECTS) $(STATIC) $(LIBS)

python: $(BINDING) $(SHARED)

$(BINDING): bindings/python/generate.py include/gradc.h
	python3 bindings/python/generate.py include/gradc.h >$@

# ---- What people run ----

# These install first and build then, on all processors unless -j says otherwise.
PARALLEL = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))

demo:
	sh scripts/install-deps.sh build demo
	$(MAKE) $(PARALLEL) all
	sh scripts/demo.sh

test-programs: library $(COMMAND) $(TESTS) $(EXAMPLES) $(if $(wildcard bindings/python/generate.py),python)

test:
	sh scripts/install-deps.sh build test
	$(MAKE) $(PARALLEL) test-programs
	BUILD=$(BUILD) GRADC=./$(COMMAND) LIBRARY=$(SHARED) sh scripts/run-tests.sh

test-all:
	sh scripts/install-deps.sh build test check demo
	sh scripts/test-all.sh

# libFuzzer programs; scripts/fuzz.sh runs them.
FUZZ := build-cpu-address-undefined-fuzzer-no-link-clang

fuzz:
	$(MAKE) $(PARALLEL) CC=clang OPENCL=0 SAN=address,undefined,fuzzer-no-link $(FUZZ)/fuzz/safetensors
	FUZZER=$(FUZZ)/fuzz/safetensors sh scripts/fuzz.sh

# Warnings of the other compiler and of the smallest library need no optimised build, which takes six times as long.
check:
	sh scripts/install-deps.sh build check
	$(MAKE) $(PARALLEL) all CFLAGS=-Werror
	$(MAKE) $(PARALLEL) all CFLAGS=-Werror CC=clang DEBUG=1
	$(MAKE) $(PARALLEL) all CFLAGS=-Werror OPENCL=0 IMAGES=0 DEBUG=1
	sh scripts/check.sh $(SHARED)

format:
	sh scripts/check-format.sh fix

# PyTorch is timed beside it where PYTHON has it; bench/bench.py lists the other variables.
bench: library $(BENCH)
	@python3 bench/bench.py $(BENCH) '$(CASES)'

deps:
	sh scripts/install-deps.sh build demo test check

# ---- Install ----

MAN := share/man/man1
COMPLETION := share/bash-completion/completions

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/$(MAN) \
	    $(DESTDIR)$(PREFIX)/$(COMPLETION) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(LIBDIR)/cmake/gradc
	install -m 755 $(COMMAND) $(DESTDIR)$(PREFIX)/bin/gradc
	install -m 644 docs/gradc.1 $(DESTDIR)$(PREFIX)/$(MAN)/gradc.1
	install -m 644 tools/gradc/gradc.bash $(DESTDIR)$(PREFIX)/$(COMPLETION)/gradc
	install -m 644 $(wildcard include/*.h) $(DESTDIR)$(PREFIX)/include
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)
	ln -sf libgradc.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libgradc.so
	$(call fill_in,lib/gradc.pc.in) >$(DESTDIR)$(LIBDIR)/pkgconfig/gradc.pc
	$(call fill_in,lib/gradcConfig.cmake.in) >$(DESTDIR)$(LIBDIR)/cmake/gradc/gradcConfig.cmake
	$(call fill_in,lib/gradcConfigVersion.cmake.in) >$(DESTDIR)$(LIBDIR)/cmake/gradc/gradcConfigVersion.cmake

fill_in = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@VERSION@|$(VERSION)|g' \
	-e 's|@MAJOR@|$(MAJOR)|g' -e 's|@LIBS@|$(LIBS)|g' \
	-e 's|@LIBLIST@|$(subst $(space),;,$(patsubst -l%,%,$(patsubst -pthread,pthread,$(strip $(LIBS)))))|g' $(1)

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/$(MAN)/gradc.1 $(DESTDIR)$(PREFIX)/$(COMPLETION)/gradc
	rm -f $(DESTDIR)$(PREFIX)/bin/gradc $(patsubst %,$(DESTDIR)$(PREFIX)/%,$(wildcard include/*.h))
	rm -f $(patsubst %,$(DESTDIR)$(LIBDIR)/%,libgradc.a libgradc.so.$(VERSION) $(SONAME) libgradc.so)
	rm -f $(DESTDIR)$(LIBDIR)/pkgconfig/gradc.pc
	rm -rf $(DESTDIR)$(LIBDIR)/cmake/gradc

clean:
	rm -rf build build-* gradc lib/libgradc.* bindings/python/gradc/_generated.py

-include $(OBJECTS:.o=.d) $(TOOL_OBJECTS:.o=.d) $(TEST_SUPPORT:.o=.d)
-include $(TESTS:=.d) $(EXAMPLES:=.d) $(BENCH_OBJECTS:.o=.d) $(wildcard $(BUILD)/fuzz/*.d)
