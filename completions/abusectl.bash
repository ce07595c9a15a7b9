# bash completion for abusectl(8)                          -*- shell-script -*-

# Keys of setup; what stands before the last comma stays.
_abusectl_keys() {
	local cur=$1 before=
	[[ $cur == *,* ]] && before=${cur%,*},
	compopt -o nospace
	COMPREPLY+=($(compgen -P "$before" -W "size= blocksize= queuesize= queues= maxrequest= timeout=
		writecache discard writezeroes ro rw reconnect" -- "${cur##*,}"))
}

_abusectl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= i options
	# "=" and ":" break words here: put the current one together again
	i=$COMP_CWORD
	while [[ $i -gt 1 && ($prev == [=:] || $cur == [=:]*) ]]; do
		cur=$prev$cur
		((i--))
		prev=${COMP_WORDS[i - 1]}
	done
	((COMP_CWORD > 1)) && command=${COMP_WORDS[1]}

	case $command in
	'') options="reset info get put poll server setup --help --version" ;;
	info) options="--json --help" ;;
	get) options="--wait --json --help" ;;
	put) options="--wait --data --zero --out --seek --fail --json --help" ;;
	poll) options="--timeout --json --help" ;;
	server) options="--create --direct --plugin --help null mem file:" ;;
	*) options="--help" ;;
	esac

	COMPREPLY=()
	case $prev in
	--data | --out | --plugin)
		COMPREPLY=($(compgen -f -- "$cur"))
		compopt -o filenames
		return
		;;
	--fail)
		COMPREPLY=($(compgen -W "media device" -- "$cur"))
		return
		;;
	esac
	if [[ $command == server && $cur == file:* ]]; then
		# The word starts behind the colon where the colon breaks words
		COMPREPLY=($(compgen -f -- "${cur#file:}"))
		[[ $COMP_WORDBREAKS == *:* ]] || COMPREPLY=("${COMPREPLY[@]/#/file:}")
		compopt -o filenames
	elif [[ $command == setup && $cur == *=* && $cur != *,* ]]; then
		return
	else
		COMPREPLY=($(compgen -W "$options" -- "$cur"))
		[[ ${COMPREPLY[*]} == file: ]] && compopt -o nospace
		if [[ -n $command && $cur != -* ]]; then
			COMPREPLY+=($(compgen -W "$(compgen -G "/dev/abctl*")" -- "$cur"))
			[[ $command == setup ]] && _abusectl_keys "$cur"
		fi
	fi
}

complete -F _abusectl abusectl
