# shellcheck shell=sh
# For scripts that unpack packages and do not install them; to be sourced.

# private_apt FOLDER ARCHITECTURES SUITE...: from now on apt-get and apt-cache see only these suites and
# architectures (the first one is the default), as on a machine where nothing is installed; they keep
# their state in the folder. The mirror is the machine's own, no matter how that is configured. A suite
# that the machine does not use is fetched from the mirror of the one that it uses.
private_apt() {
	_apt=$1 _architectures=$2
	shift 2
	unset APT_CONFIG
	# shellcheck source=/dev/null
	_own=$(. /etc/os-release && echo "$VERSION_CODENAME")
	# shellcheck disable=SC2016 # apt's variables
	_mirrors=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Component: main')
	mkdir -p "$_apt/lists/partial" "$_apt/archives/partial"
	for _suite; do
		printf '%s\n' "$_mirrors" | awk -v suite="$_suite" -v own="$_own" -v architectures="$_architectures" '
			$1 == own && !uri || $1 == suite { uri = $2 }
			END {
				if (!uri)
					exit 1
				print "deb [arch=" architectures " signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", uri, suite, "main"
			}' || { echo "apt.sh: no mirror of Debian's main archive in apt's sources" >&2; return 1; }
	done >"$_apt/sources.list"

	# This package stands for those that a kernel or Java needs to be installed, but not to be used.
	cat >"$_apt/status" <<END
Package: not-needed
Status: install ok installed
Architecture: all
Multi-Arch: foreign
Version: 1
Maintainer: nobody
Description: stands in for what is not unpacked
Provides: debconf, debconf-2.0, kmod, linux-base (= 999), linux-initramfs-tool
END
	cat >"$_apt/apt.conf" <<END
APT::Architecture "${_architectures%%,*}";
APT::Architectures { "$(echo "$_architectures" | sed 's/,/"; "/g')"; };
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Retries "3";
Acquire::GzipIndexes "true";
Acquire::Languages "none";
Dir::Etc::SourceList "$_apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$_apt";
Dir::State::Status "$_apt/status";
Dir::Cache "$_apt";
END
	export APT_CONFIG="$_apt/apt.conf"
}

# arm64_apt FOLDER: Debian 12 for arm64, and amd64 for the packages that run on this machine
arm64_apt() { private_apt "$1" arm64,amd64 bookworm bookworm-updates bookworm-security; }
