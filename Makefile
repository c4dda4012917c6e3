# Names no program: package/commands says what is built from what.
#   make                 all programs in build/bin, manuals in build/man
#   make check           unit and golden tests (package/test runs all of them)
#   make SAN=1           with address and undefined behaviour sanitizers
#   make LDFLAGS=-static (package/deps-install build static)
#   make O=/tmp/b        builds elsewhere
#   make V=1             shows every command
#   make install DESTDIR= PREFIX=/usr/local

O := build$(if $(SAN),-san)
PREFIX := /usr/local
DESTDIR :=
CC := gcc
CFLAGS := -O2 -g
Q := $(if $(V),,@)
say = @$(if $(V),:,echo '  $(1) $(2)')
ifdef SAN
HARDEN := -fsanitize=address,undefined -fno-omit-frame-pointer \
  -fno-sanitize-recover=undefined -DROHRPOST_SAN
else
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
endif
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wvla \
  -Wstrict-prototypes -Wformat=2 -Wno-format-nonliteral -Werror \
  $(HARDEN) $(CFLAGS) -Ilib -I.
ALL_LDFLAGS := $(HARDEN) -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

COMMANDS := $(shell sed 's/\#.*//' package/commands | awk 'NF{print $$1}')
BINARIES := $(addprefix $(O)/bin/,$(notdir $(COMMANDS)))
MANUALS := $(wildcard */*.[1-9])
LIBRARY := $(patsubst %.c,$(O)/%.o,$(wildcard lib/*.c))
CTESTS := $(patsubst %.c,$(O)/%,$(wildcard tests/*/*.c))

all: $(BINARIES)
.PHONY: all check check-unit tests install clean lint
.SECONDEXPANSION:
.DELETE_ON_ERROR:
.SECONDARY:

$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/lib.a: $(LIBRARY)
	@rm -f $@
	$(Q)ar rcs $@ $^

# row,FOLDER/PROG: the rest of the program's line in package/commands
row = $(shell awk -v p='$(1)' '$$1==p{$$1=$$2="";print}' package/commands)
path = $(filter %/$(1),$(COMMANDS))
objects = $(addprefix $(O)/,$(call path,$(1)).o \
  $(filter %.o,$(call row,$(call path,$(1)))))
# A static libidn2 does not say what it needs itself.
whole = $(1) $(if $(findstring -static,$(LDFLAGS)),$(if \
  $(filter -lidn2,$(1)),-lunistring))
libs = $(call whole,$(filter -l%,$(call row,$(call path,$(1)))))

$(O)/bin/%: $$(call objects,$$*) $(O)/lib.a package/commands
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(O)/lib.a \
	  $(call libs,$*) -lskarnet

# A test in C says on its first line what it links: /* needs: x.o -ly */
needs = $(shell sed -n '1s,.*needs: *\(.*\)\*/.*,\1,p' $(1))
# apart from the rule, where make would put the stem in place of this %
needed = $(addprefix $(O)/,$(filter %.o,$(call needs,$(1))))
$(O)/tests/%: tests/%.c tests/tap.h $(O)/lib.a \
    $$(call needed,tests/$$*.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests $(ALL_LDFLAGS) -MMD -MP -MT $@ -o $@ \
	  $< $(filter %.o,$^) $(O)/lib.a \
	  $(call whole,$(filter -l%,$(call needs,$<))) -lskarnet

tests: all $(CTESTS)

check: tests
	O='$(abspath $(O))' PATH='$(abspath $(O))/bin':"$$PATH" \
	  prove $(PROVE_FLAGS) $(sort $(CTESTS) $(wildcard tests/*/*.t))

# The tests in C alone: what `make SAN=1 check-unit` is for.
check-unit: $(CTESTS)
	prove $(PROVE_FLAGS) $(sort $(CTESTS))

install: all
	package/install '$(O)' '$(DESTDIR)' '$(PREFIX)'

lint:
	clang-format --dry-run -Werror $(wildcard */*.[ch] tests/*/*.[ch])

clean:
	rm -rf '$(O)'

-include $(wildcard $(O)/*/*.d $(O)/tests/*/*.d)
