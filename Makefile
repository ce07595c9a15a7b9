# make            the jar, and the module if this machine has its kernel's headers
# make demo       the main job, shown in a throw-away VM
# make test       unit tests, then the system tests in the VM, on KERNELS
# make test-engines  tests of backends with a Ceph cluster of one node and an S3 store, which are started for them on
#                 loopback, and of a disk from such a cluster in the VM, 10 minutes; not a part of make test
# make torture    only the tests that try something many times, TORTURE=10 times as often, on KERNEL=6.12: an hour
# make test-arm64 some of the system tests on arm64, in emulation; KERNEL=6.12 (default), 6.12-16k or 6.1; half
#                 an hour, so not a part of make test
# make vm         a shell in the VM; KERNEL=6.1 (default), 6.12, rt, newest, debug or kcsan
# make debug-kernel  builds a kernel that finds bugs: debug (memory, locks) or, with KERNEL=kcsan, the one that finds
#                 data races; then make test KERNEL=debug or KERNEL=kcsan
# make test-suites BLKTESTS=DIR XFSTESTS=DIR  runs those of blktests that are for any disk (10 minutes) and 33 of
#                 xfstests on ext4 and xfs (much longer), from your checkouts of them, on abuse disks and on loop
#                 devices in the VM, and prints what differs
# make bench      speed against ublk, nbd, loop and others in the VM, 40 minutes; BENCH=quick: 8
# make bench-startup  how long short commands take to start, against a Java and a C program that print one word, and, in
#                 the VM, a server from its start to its first answer
# make bench-crashes [XFSTESTS=DIR]  how many states of a recorded disk abusectl crashes checks in a second, beside
#                 replay-log from your checkout of xfstests
# make pictures   the pictures of the terminal in man/img, taken in the VM
# make generated  completions and manual pages, from the command line's own model
# make lint       checkpatch, sparse, kernel-doc, shellcheck, spelling, the order of the module's files
# make install    with DESTDIR and PREFIX: jar, launcher, module source for dkms, man pages, completions, service,
#                 udev rule; without DESTDIR the archive that lets short commands start fast, too, and systemd and udev
#                 are told
# make deb        Debian packages of the same, in build/deb
# make test-deb   installs, uses and removes these packages in a clean Debian with systemd in the VM, and boots one
#                 from a root filesystem on an abuse disk, 15 to 25 minutes, so not a part of make test; make test
#                 DEB=yes does both
# make clean      removes what was built, but not the kernels; make distclean removes everything

VERSION := 1.0.0
KERNEL ?= 6.1
KERNELS ?= $(if $(filter file,$(origin KERNEL)),6.1 6.12,$(KERNEL))
TORTURE ?= 10
KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
DESTDIR ?=
MVN := mvn -q -B

# What a fresh Debian 12 lacks. The module is built with gcc-12, which built Debian's
# kernels; gcc-multilib builds the test clients for 32 bits, too.
BUILD_PACKAGES := default-jdk-headless maven gcc libc6-dev
VM_PACKAGES := qemu-system-x86 busybox-static cpio kmod xz-utils zstd gcc-12 git \
	e2fsprogs util-linux libelf1 patchelf debian-archive-keyring
# clang reads the headers of other architectures, because gcc's compilers for them cannot
# be installed beside gcc-multilib
TEST_PACKAGES := gcc-multilib fio xfsprogs fdisk dosfstools procps dmsetup zsh fish mandoc man-db \
	cryptsetup-bin exfatprogs ntfs-3g genisoimage lvm2 mdadm bcache-tools btrfs-progs nbdkit qemu-utils openssl \
	clang sqlite3 $(foreach arch,arm64 ppc64el s390x riscv64,libc6-dev-$(arch)-cross)
ENGINE_PACKAGES := ceph-mon ceph-osd ceph-common librbd1 nbdkit nbdkit-plugin-python python3-boto3 fio
SUITE_PACKAGES := g++ make automake libtool-bin pkg-config xfslibs-dev uuid-dev libacl1-dev libaio-dev libgdbm-dev \
	libcap-dev liburing-dev acl attr bc gawk fio xfsprogs psmisc procps quota udev uuid-runtime
BENCH_PACKAGES := liburing-dev fio nbdkit nbd-client qemu-utils jq linux-perf
DEB_PACKAGES := debhelper dh-dkms dpkg-dev lintian
DEBIAN_PACKAGES := debootstrap
ARM64_PACKAGES := qemu-system-arm
PICTURE_PACKAGES := fio python3-pyte
DEBUG_PACKAGES := bc bison flex libelf-dev
LINT_PACKAGES := sparse shellcheck perl codespell

jar := cli/target/abusectl.jar
jar_sources := pom.xml $(wildcard cli/pom.xml cli/*/pom.xml) $(shell find cli/src cli/junit/src -type f)

all: jar $(if $(wildcard $(KDIR)),module)

# $(call need,PACKAGES) installs those that are missing.
define need
	@missing=; for package in $(1); do \
		[ "$$(dpkg-query -W -f '$${db:Status-Status}' $$package 2>&1)" = installed ] || \
			missing="$$missing $$package"; \
	done; \
	[ -z "$$missing" ] || { \
		echo "installing$$missing" >&2; \
		apt-get -q update >&2 && DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
			--no-install-recommends $$missing >&2; \
	}
endef

jar: $(jar)
$(jar): $(jar_sources)
	$(call need,$(BUILD_PACKAGES))
	$(MVN) -DskipTests package

module:
	$(MAKE) -C module KDIR=$(KDIR)

vm-packages:
	$(call need,$(VM_PACKAGES))

demo: jar vm-packages
	vm/module.sh $(KERNEL)
	vm/run.sh -k $(KERNEL) -t 600 -- vm/demo.sh

test: $(if $(DEB),deb)
	$(call need,$(BUILD_PACKAGES) $(VM_PACKAGES) $(TEST_PACKAGES) $(if $(DEB),$(DEBIAN_PACKAGES)))
	$(MAKE) build/nbd-server
	vm/test-all.sh $(KERNELS)

# Not installed, because then it would run, and be reached from everywhere.
build/nbd-server:
	rm -rf $@.tmp
	mkdir -p $@.tmp
	cd $@.tmp && fetch() { apt-get -q -o APT::Sandbox::User=root download nbd-server >&2; } && \
		{ fetch || { apt-get -q update >&2 && fetch; }; }
	dpkg-deb -x $@.tmp/*.deb $@.tmp
	mv $@.tmp $@

test-deb: deb vm-packages
	$(call need,$(DEBIAN_PACKAGES))
	vm/test-debian.sh service $(firstword $(KERNELS))
	vm/test-debian.sh packages $(firstword $(KERNELS))
	vm/test-root.sh $(firstword $(KERNELS))

# The compiler for arm64 is unpacked, not installed, because it and gcc-multilib exclude each other.
test-arm64: jar vm-packages
	$(call need,$(ARM64_PACKAGES))
	vm/test-arm64.sh $(if $(filter file,$(origin KERNEL)),6.12,$(KERNEL))

test-engines: jar vm-packages
	$(call need,$(ENGINE_PACKAGES))
	cli/engines/test.sh
	vm/test-engines.sh

torture: jar vm-packages
	$(call need,$(TEST_PACKAGES))
	TORTURE=$(TORTURE) vm/test.sh $(if $(filter file,$(origin KERNEL)),6.12,$(KERNEL))

test-suites: jar vm-packages
	$(call need,$(SUITE_PACKAGES))
	BLKTESTS='$(BLKTESTS)' XFSTESTS='$(XFSTESTS)' vm/test-suites.sh $(if $(filter file,$(origin KERNEL)),6.12,$(KERNEL))

vm: jar vm-packages
	vm/module.sh $(KERNEL)
	vm/run.sh -k $(KERNEL)

bench: jar vm-packages
	$(call need,$(BENCH_PACKAGES))
	bench/run.sh

bench-startup: jar vm-packages
	bench/startup.sh

bench-crashes: jar vm-packages
	XFSTESTS='$(XFSTESTS)' bench/crashes.sh

generated:
	$(MVN) test -Dtest='GeneratedTest,PublicApiTest' -Dsurefire.failIfNoSpecifiedTests=false -Dabuse.generate=true

debug-kernel: vm-packages
	$(call need,$(DEBUG_PACKAGES))
	vm/kernel-debug.sh $(if $(filter kcsan,$(KERNEL)),kcsan,debug)

pictures: jar vm-packages
	$(call need,$(PICTURE_PACKAGES))
	man/img/make.sh

lint:
	$(call need,$(VM_PACKAGES) $(LINT_PACKAGES))
	module/lint.sh

share := $(DESTDIR)$(PREFIX)/share
lib := $(DESTDIR)$(PREFIX)/lib
src := $(DESTDIR)/usr/src/abuse-$(VERSION)
install: jar
	install -d $(DESTDIR)$(PREFIX)/sbin $(share)/abuse $(share)/man/man4 $(share)/man/man7 $(share)/man/man8 \
		$(share)/bash-completion/completions $(share)/zsh/site-functions \
		$(share)/fish/vendor_completions.d $(src)/uapi $(share)/doc/abusectl/examples \
		$(lib)/systemd/system $(lib)/udev/rules.d $(lib)/modules-load.d $(DESTDIR)/etc/abuse \
		$(share)/initramfs-tools/hooks $(share)/initramfs-tools/scripts/local-block
	install -m 755 cli/abusectl $(DESTDIR)$(PREFIX)/sbin/abusectl
	install -m 644 $(jar) $(share)/abuse/abusectl.jar
	install -m 644 man/*.4 $(share)/man/man4
	install -m 644 man/*.7 $(share)/man/man7
	install -m 644 man/*.8 $(share)/man/man8
	sed 's,/usr/share,$(PREFIX)/share,' man/abuse@.service.8 >$(share)/man/man8/abuse@.service.8
	install -m 644 completions/abusectl.bash $(share)/bash-completion/completions/abusectl
	install -m 644 completions/_abusectl $(share)/zsh/site-functions/_abusectl
	install -m 644 completions/abusectl.fish $(share)/fish/vendor_completions.d/abusectl.fish
	install -m 644 $(filter-out %.mod.c,$(wildcard module/*.[ch])) module/Kbuild module/Makefile module/dkms.conf $(src)
	install -m 644 module/uapi/abuse.h $(src)/uapi
	for unit in abuse@.service abuse-all.service abuse-metrics.service abuse-metrics.timer; do \
		sed 's,/usr/sbin,$(PREFIX)/sbin,' packaging/$$unit >$(lib)/systemd/system/$$unit; \
	done
	install -m 755 packaging/initramfs/hook $(share)/initramfs-tools/hooks/abuse
	install -m 755 packaging/initramfs/local-block $(share)/initramfs-tools/scripts/local-block/abuse
	install -m 644 packaging/60-abuse.rules $(lib)/udev/rules.d/60-abuse.rules
	install -m 644 packaging/modules-load.conf $(lib)/modules-load.d/abuse.conf
	install -m 644 packaging/example.conf $(share)/doc/abusectl/examples/0.conf
	[ -n "$(DESTDIR)" ] || $(PREFIX)/sbin/abusectl --archive || :
	[ -n "$(DESTDIR)" ] || [ ! -S /run/udev/control ] || { \
		udevadm control --reload && udevadm trigger --action=add --subsystem-match=abuse || :; }
	[ -n "$(DESTDIR)" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload

# Makes the packages in build/deb from what would be installed; lintian checks them.
debs := build/deb
deb: jar
	$(call need,$(DEB_PACKAGES))
	rm -rf $(debs)
	umask 022 && $(MAKE) -s install PREFIX=/usr DESTDIR=$(CURDIR)/$(debs)/abuse/tree
	cp -r packaging/debian $(debs)/abuse
	[ "$$(cd $(debs)/abuse && dpkg-parsechangelog -S Version)" = $(VERSION) ]
	cd $(debs)/abuse && dpkg-buildpackage -b -us -uc >../build.log 2>&1 || { cat ../build.log; exit 1; }
	lintian --allow-root --fail-on error,warning,info $(debs)/*.changes
	rm -r $(debs)/abuse

clean:
	rm -rf cli/target cli/*/target build/module build/vm build/lint build/deb build/*.log
	[ ! -e $(KDIR) ] || $(MAKE) -C module KDIR=$(KDIR) clean

distclean: clean
	rm -rf build

.PHONY: all jar module vm-packages demo test test-engines test-arm64 test-suites torture vm bench bench-startup bench-crashes \
	debug-kernel lint install deb test-deb \
	pictures generated clean distclean
