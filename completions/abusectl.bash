# bash completion for abusectl(8)                          -*- shell-script -*-
# Made by 'make generated' from abusectl.bash.in and the command line's own model
# shellcheck shell=bash disable=SC2206,SC2207

# Sets value to what an option of a command takes: a word of its help in capitals, or nothing
_abusectl_value() {
	case "$1 $2" in
	'run --cache') value='BLOCK' ;;
	'run --filter') value='FILTER' ;;
	'run --plugin') value='JAR' ;;
	'run --deadline') value='SECONDS' ;;
	'setup --owner') value='USER' ;;
	'server --cache') value='BLOCK' ;;
	'server --all') value='FILE' ;;
	'server --filter') value='FILTER' ;;
	'server --plugin') value='JAR' ;;
	'server --deadline') value='SECONDS' ;;
	'list -o' | 'list --output') value='COLUMNS' ;;
	'info -o' | 'info --output') value='COLUMNS' ;;
	'servers -o' | 'servers --output') value='SERVER_COLUMNS' ;;
	'requests -o' | 'requests --output') value='REQUEST_COLUMNS' ;;
	'top -n' | 'top --count') value='N' ;;
	'top -d' | 'top --interval') value='SECONDS' ;;
	'trace -e' | 'trace --events') value='EVENTS' ;;
	'trace -n' | 'trace --count') value='N' ;;
	'maps -o' | 'maps --output') value='MAP_COLUMNS' ;;
	'quiesce --timeout') value='SECONDS' ;;
	'filter -o' | 'filter --output') value='FILTER_COLUMNS' ;;
	'replay --onto') value='IMAGE' ;;
	'replay -o' | 'replay --output') value='LOG_COLUMNS' ;;
	'replay --to-entry' | 'replay --to-flush') value='N' ;;
	'replay --to-mark') value='TEXT' ;;
	'crashes --check') value='CHECK' ;;
	'crashes --keep') value='FILE' ;;
	'crashes --work') value='FOLDER' ;;
	'crashes --base') value='IMAGE' ;;
	'crashes --most' | 'crashes --seed' | 'crashes -j' | 'crashes --jobs') value='N' ;;
	'crashes --timeout') value='SECONDS' ;;
	'crashes --from') value='STATE' ;;
	'crashes --from-mark') value='TEXT' ;;
	'put --data' | 'put --out') value='FILE' ;;
	'put --fail') value='WHAT' ;;
	'poll --timeout') value='SECONDS' ;;
	*) value= ;;
	esac
}

# Adds the files, or with -d the folders, whose names begin like that, after the first part of a word
_abusectl_files() {
	local file
	compopt -o filenames
	while IFS= read -r file; do
		COMPREPLY+=("$1$file")
	done < <(compgen "${3--f}" -- "$2")
}

# Adds to COMPREPLY, as whole words, everything that a word such as DEVICE stands for
_abusectl_add() {
	local cur=$2 before='' node
	case $1 in
	FILE | IMAGE | JAR) _abusectl_files '' "$cur" ;;
	FOLDER) _abusectl_files '' "$cur" -d ;;
	BLOCK)
		compopt -o filenames
		while IFS= read -r node; do
			[[ ! -b $node && ! -d $node ]] || COMPREPLY+=("$node")
		done < <(compgen -f -- "${cur:-/dev/}")
		;;
	USER) COMPREPLY+=($(compgen -u -- "$cur")) ;;
	DEVICE)
		for node in /dev/abctl* /dev/abuse*; do
			# A partition is not a device
			[[ ! -e $node || $node == */abuse*p* || $node != "$cur"* ]] || COMPREPLY+=("$node")
		done
		;;
	KEYS | *COLUMNS)
		[[ $cur == +* ]] && before=+
		[[ $cur == *,* ]] && before=${cur%,*},
		compopt -o nospace
		COMPREPLY+=($(compgen -P "$before" -W "${words_of[$1]}" -- "${cur#"$before"}"))
		;;
	BACKEND)
		if [[ $cur == cow:*,keep=* ]]; then
			_abusectl_files "${cur%%,keep=*},keep=" "${cur#*,keep=}"
		elif [[ $cur == @(file|qcow2|cow):* ]]; then
			_abusectl_files "${cur%%:*}:" "${cur#*:}"
		else
			COMPREPLY+=($(compgen -W "${words_of[BACKEND]}" -- "$cur"))
			[[ ${COMPREPLY[*]} == @(file|qcow2|cow): ]] && compopt -o nospace
		fi
		;;
	FILTER)
		compopt -o nospace
		COMPREPLY+=($(compgen -W "${words_of[FILTER]}" -- "$cur"))
		;;
	*) COMPREPLY+=($(compgen -W "${words_of[$1]-}" -- "$cur")) ;;
	esac
}

_abusectl() {
	local IFS=$' \t\n' words=() word cur kept='' line=${COMP_LINE:0:COMP_POINT} command='' value='' place=0 options places i
	local -A words_of=(
		[COMMAND]='run setup server list info servers requests metrics top trace resize map unmap maps requeue quiesce resume reset filter mark replay crashes get put poll help'
		[KEYS]='size= blocksize= physicalblocksize= queuesize= queues= maxrequest= timeout= unserved= orphan= ro rw writecache discard discardgranularity= maxdiscard= writezeroes maxwritezeroes= iomin= ioopt= rotational partscan mappable autoremove reconnect'
		[COLUMNS]='DISK NODE SIZE BS PBS QD NQ MR IOMIN IOOPT DISCGRAN DISCMAX ZEROMAX TIMEOUT UNSERVED ORPHAN SERVERS PID SERVES OPENERS PENDING OWNED OLDEST GETS PUTS REDELIVERED STALE TIMEOUTS ERRORS MREADS MWRITES MRBYTES MWBYTES MISSES FAULTS EXTENTS P50 P99 STATE FLAGS PROBLEM'
		[SERVER_COLUMNS]='PID COMMAND UID QUEUE OWNED OLDEST GETS PUTS STALE LAST STATE SERVES SERVER'
		[REQUEST_COLUMNS]='OPERATION SECTOR LENGTH FLAGS STATE AGE GETS QUEUE PID COMMAND SERVES SERVER'
		[MAP_COLUMNS]='OFFSET LENGTH TARGET TOFFSET MODE'
		[FILTER_COLUMNS]='NAME MATCHED KEYS'
		[LOG_COLUMNS]='ENTRY SECTOR OFFSET LENGTH FLAGS MARK'
		[BACKEND]='null mem file: qcow2: cow: nbd: nbd+unix: nbds: nbds+unix: nbd-exec: rbd: http: https:'
		[FILTER]='error readonly delay stall rate log stats corrupt powerfail cow cache retry check record'
		[CHANGE]='list set add remove cut'
		[WHAT]='media device'
	)
	COMPREPLY=()
	# "=" and ":" have split some words; this joins them again
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $i == 0 || $line == [[:space:]]* ]]; then
			line=${line#"${line%%[![:space:]]*}"}
			words+=('')
		fi
		[[ $line == "$word"* ]] || word=$line
		line=${line#"$word"}
		words[-1]+=$word
	done
	# readline keeps the last word up to a quotation mark, or up to a character that breaks words
	cur=${words[-1]}
	if [[ $cur == *[\"\']* ]]; then
		kept=${cur%%[\"\']*} cur=${cur/[\"\']/}
	else
		cur=${cur//\\/}
		[[ $cur == *[=:]* && $COMP_WORDBREAKS == *[=:]* ]] && kept=${cur%"${cur##*[=:]}"}
	fi
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		if [[ $value ]]; then
			value=
		elif [[ $word == -* ]]; then
			_abusectl_value "$command" "$word"
		elif [[ $command ]]; then
			((++place))
		else
			command=$word
		fi
	done
	case $command in
	'') options='--help --version' places=COMMAND place=0 ;;
	help) options='' places=COMMAND ;;
	run)
		options='--help --version --create --direct --shared --pin --no-map --cache --poll --deadline --filter --control --plugin'
		places='KEYS|BACKEND BACKEND'
		;;
	setup)
		options='--help --version --owner'
		places='DEVICE|KEYS KEYS+'
		;;
	server)
		options='--help --version --create --direct --shared --pin --no-map --cache --poll --deadline --filter --control --plugin --all'
		places='DEVICE|BACKEND BACKEND'
		;;
	list)
		options='--help --version --all --json --output --output-all --noheadings --bytes'
		places=''
		;;
	info)
		options='--help --version --json --output --output-all --noheadings --bytes'
		places='DEVICE'
		;;
	servers)
		options='--help --version --json --output --output-all --noheadings'
		places='DEVICE'
		;;
	requests)
		options='--help --version --json --output --output-all --noheadings --bytes'
		places='DEVICE'
		;;
	metrics)
		options='--help --version'
		places=''
		;;
	top)
		options='--help --version --interval --servers --count'
		places='DEVICE'
		;;
	trace)
		options='--help --version --events --count'
		places='DEVICE'
		;;
	resize)
		options='--help --version'
		places='DEVICE|SIZE SIZE'
		;;
	map)
		options='--help --version --read-only --discard --write-zeroes --replace'
		places='DEVICE OFFSET LENGTH BLOCK'
		;;
	unmap)
		options='--help --version'
		places='DEVICE OFFSET LENGTH'
		;;
	maps)
		options='--help --version --json --output --output-all --noheadings --bytes'
		places='DEVICE'
		;;
	requeue)
		options='--help --version'
		places='DEVICE'
		;;
	quiesce)
		options='--help --version --timeout'
		places='DEVICE'
		;;
	resume)
		options='--help --version'
		places='DEVICE'
		;;
	reset)
		options='--help --version --force --lazy'
		places='DEVICE'
		;;
	filter)
		options='--help --version --json --output --output-all --noheadings'
		places='DEVICE|CHANGE CHANGE|FILTER FILTER|SETTINGS SETTINGS'
		;;
	mark)
		options='--help --version'
		places='DEVICE|TEXT TEXT'
		;;
	replay)
		options='--help --version --to-mark --to-entry --to-flush --durable --onto --json --output --output-all --noheadings --bytes'
		places='FILE'
		;;
	crashes)
		options='--help --version --base --check --most --seed --from-mark --from --keep-going --timeout --jobs --work --keep --json'
		places='FILE'
		;;
	get)
		options='--help --version --wait --json'
		places='DEVICE'
		;;
	put)
		options='--help --version --data --zero --out --seek --fail --wait --json'
		places='DEVICE'
		;;
	poll)
		options='--help --version --timeout --json'
		places='DEVICE'
		;;
	*) return ;;
	esac
	places=($places)
	if [[ $value ]]; then
		_abusectl_add "$value" "$cur"
	elif [[ $cur == --*=* ]]; then
		_abusectl_value "$command" "${cur%%=*}"
		_abusectl_add "$value" "${cur#*=}"
		COMPREPLY=("${COMPREPLY[@]/#/${cur%%=*}=}")
	elif [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$options" -- "$cur"))
	else
		# The last argument may be repeated if it ends with "+"
		[[ $place -ge ${#places[@]} && ${places[-1]-} == *+ ]] && place=$((${#places[@]} - 1))
		for value in $(tr '|' ' ' <<<"${places[place]-}"); do
			_abusectl_add "${value%+}" "$cur"
		done
	fi
	COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}

complete -F _abusectl abusectl
