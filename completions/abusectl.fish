# fish completion for abusectl(8)
# Made by 'make generated' from abusectl.fish.in and the command line's own model

function __abusectl_DEVICE
    # In an argument a pattern that fits nothing ends the function
    set -l nodes /dev/abctl* /dev/abuse*
    printf '%s\n' $nodes | string match -rv 'abuse\d+p'
end

# Everything up to the last comma stays
function __abusectl_list
    set -l word (commandline -ct | string replace -r '^-.*=' '')
    set -l before (string match -r '^.*,|^\+' -- $word)
    for one in $argv
        echo "$before$one"
    end
end

function __abusectl_KEYS
    __abusectl_list size= blocksize= physicalblocksize= queuesize= queues= maxrequest= timeout= unserved= orphan= ro rw writecache discard discardgranularity= maxdiscard= writezeroes maxwritezeroes= iomin= ioopt= rotational partscan mappable autoremove reconnect
end

function __abusectl_COLUMNS
    __abusectl_list DISK NODE SIZE BS PBS QD NQ MR IOMIN IOOPT DISCGRAN DISCMAX ZEROMAX TIMEOUT UNSERVED ORPHAN SERVERS PID SERVES OPENERS PENDING OWNED OLDEST GETS PUTS REDELIVERED STALE TIMEOUTS ERRORS MREADS MWRITES MRBYTES MWBYTES MISSES FAULTS EXTENTS P50 P99 STATE FLAGS PROBLEM
end

function __abusectl_SERVER_COLUMNS
    __abusectl_list PID COMMAND UID QUEUE OWNED OLDEST GETS PUTS STALE LAST STATE SERVES SERVER
end

function __abusectl_REQUEST_COLUMNS
    __abusectl_list OPERATION SECTOR LENGTH FLAGS STATE AGE GETS QUEUE PID COMMAND SERVES SERVER
end

function __abusectl_MAP_COLUMNS
    __abusectl_list OFFSET LENGTH TARGET TOFFSET MODE
end

function __abusectl_FILTER_COLUMNS
    __abusectl_list NAME MATCHED KEYS
end
function __abusectl_LOG_COLUMNS
    __abusectl_list ENTRY SECTOR OFFSET LENGTH FLAGS MARK
end

function __abusectl_CHANGE
    printf '%s\n' list set add remove cut
end

function __abusectl_FILTER
    printf '%s\n' error readonly delay stall rate log stats corrupt powerfail cow cache retry check record
end

function __abusectl_FOLDER
    __fish_complete_directories (commandline -ct)
end

function __abusectl_USER
    __fish_complete_users
end

function __abusectl_BLOCK
    set -l word (commandline -ct | string replace -r '^-.*=' '' | string unescape -n)
    test -n "$word"; or set word /dev/
    for path in (__fish_complete_path $word | string split -f1 \t)
        if test -b $path -o -d $path
            echo $path
        end
    end
end

function __abusectl_BACKEND
    printf '%s\n' null mem file: qcow2: cow: nbd:// nbd+unix:/// nbds:// nbds+unix:/// nbd-exec: rbd: http:// https://
    set -l word (commandline -ct | string unescape -n)
    for kind in file: qcow2: cow: (string match -r '^cow:.*,keep=' -- $word)
        for path in (__fish_complete_path (string replace -- $kind '' $word) | string split -f1 \t)
            echo $kind$path
        end
    end
end

complete -c abusectl -f
complete -c abusectl -n __fish_use_subcommand -a help -d 'Shows the help of a command'
complete -c abusectl -n '__fish_seen_subcommand_from help' -a 'run setup server list info servers requests metrics top trace resize map unmap maps requeue quiesce resume reset filter mark replay crashes get put poll help'
complete -c abusectl -n __fish_use_subcommand -s h -l help -d 'Show this help'
complete -c abusectl -n __fish_use_subcommand -s V -l version -d 'Show the version'
complete -c abusectl -n __fish_use_subcommand -a run -d 'Makes a disk of a free device, and serves it until told to stop'
complete -c abusectl -n '__fish_seen_subcommand_from run' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from run' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from run' -l create -d 'Make the image, sparse, when there is none'
complete -c abusectl -n '__fish_seen_subcommand_from run' -l direct -d 'Read and write the image bypassing the page cache'
complete -c abusectl -n '__fish_seen_subcommand_from run' -l shared -d 'Serve even if another server serves something else here, or another disk uses the image'
complete -c abusectl -n '__fish_seen_subcommand_from run' -l pin -d 'Keep serving when memory runs out, for a disk with swap or the root filesystem'
complete -c abusectl -n '__fish_seen_subcommand_from run' -l no-map -d 'Do not let the kernel itself use the block device of file:, or the memory of mem, if the disk was set up with \'mappable\''
complete -c abusectl -n '__fish_seen_subcommand_from run' -l cache -x -a '(__abusectl_BLOCK)' -d 'Keep what is read on this block device, or in so much memory, where the kernel itself reads it, in pieces of 64K or the SIZE that follows'
complete -c abusectl -n '__fish_seen_subcommand_from run' -l poll -d 'Before sleeping, look for requests for USEC microseconds, or for as long as that is worth it'
complete -c abusectl -n '__fish_seen_subcommand_from run' -l deadline -x -d 'Fail requests that an NBD server, Ceph, a web server or a filter has not answered after so long'
complete -c abusectl -n '__fish_seen_subcommand_from run' -l filter -x -a 'error readonly delay stall rate log stats corrupt powerfail cow cache retry check record' -d 'Let each request pass NAME[:KEY=VALUE,...], which can make it fail, wait and more'
complete -c abusectl -n '__fish_seen_subcommand_from run' -l control -d 'Let \'abusectl filter\' add filters later, even if there are none now'
complete -c abusectl -n '__fish_seen_subcommand_from run' -l plugin -r -F -d 'Load backends and filters from JAR'
complete -c abusectl -n '__fish_seen_subcommand_from run' -a '(__abusectl_KEYS)'
complete -c abusectl -n '__fish_seen_subcommand_from run' -a '(__abusectl_BACKEND)'
complete -c abusectl -n __fish_use_subcommand -a setup -d 'Makes a disk, or changes it'
complete -c abusectl -n '__fish_seen_subcommand_from setup' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from setup' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from setup' -l owner -x -a '(__abusectl_USER)' -d 'Give the control node and the disk to USER, who may then serve, use and reset it'
complete -c abusectl -n '__fish_seen_subcommand_from setup' -a '(__abusectl_DEVICE)'
complete -c abusectl -n '__fish_seen_subcommand_from setup' -a '(__abusectl_KEYS)'
complete -c abusectl -n __fish_use_subcommand -a server -d 'Answers requests until told to stop'
complete -c abusectl -n '__fish_seen_subcommand_from server' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from server' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l create -d 'Make the image, sparse, when there is none'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l direct -d 'Read and write the image bypassing the page cache'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l shared -d 'Serve even if another server serves something else here, or another disk uses the image'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l pin -d 'Keep serving when memory runs out, for a disk with swap or the root filesystem'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l no-map -d 'Do not let the kernel itself use the block device of file:, or the memory of mem, if the disk was set up with \'mappable\''
complete -c abusectl -n '__fish_seen_subcommand_from server' -l cache -x -a '(__abusectl_BLOCK)' -d 'Keep what is read on this block device, or in so much memory, where the kernel itself reads it, in pieces of 64K or the SIZE that follows'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l poll -d 'Before sleeping, look for requests for USEC microseconds, or for as long as that is worth it'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l deadline -x -d 'Fail requests that an NBD server, Ceph, a web server or a filter has not answered after so long'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l filter -x -a 'error readonly delay stall rate log stats corrupt powerfail cow cache retry check record' -d 'Let each request pass NAME[:KEY=VALUE,...], which can make it fail, wait and more'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l control -d 'Let \'abusectl filter\' add filters later, even if there are none now'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l plugin -r -F -d 'Load backends and filters from JAR'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l all -r -F -d 'Serve each disk that is a line of FILE'
complete -c abusectl -n '__fish_seen_subcommand_from server' -a '(__abusectl_DEVICE)'
complete -c abusectl -n '__fish_seen_subcommand_from server' -a '(__abusectl_BACKEND)'
complete -c abusectl -n __fish_use_subcommand -a list -d 'Shows the disks in a table'
complete -c abusectl -n '__fish_seen_subcommand_from list' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from list' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from list' -s a -l all -d 'Also show the devices that are not set up'
complete -c abusectl -n '__fish_seen_subcommand_from list' -s J -l json -d 'Print JSON'
complete -c abusectl -n '__fish_seen_subcommand_from list' -s o -l output -x -a '(__abusectl_COLUMNS)' -d 'Show these columns, separated by commas'
complete -c abusectl -n '__fish_seen_subcommand_from list' -s O -l output-all -d 'Show all columns'
complete -c abusectl -n '__fish_seen_subcommand_from list' -s n -l noheadings -d 'Print no headings'
complete -c abusectl -n '__fish_seen_subcommand_from list' -s b -l bytes -d 'Print sizes in bytes'
complete -c abusectl -n __fish_use_subcommand -a info -d 'Shows a device, or all of them'
complete -c abusectl -n '__fish_seen_subcommand_from info' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from info' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from info' -s J -l json -d 'Print JSON'
complete -c abusectl -n '__fish_seen_subcommand_from info' -s o -l output -x -a '(__abusectl_COLUMNS)' -d 'Show these columns, separated by commas'
complete -c abusectl -n '__fish_seen_subcommand_from info' -s O -l output-all -d 'Show all columns'
complete -c abusectl -n '__fish_seen_subcommand_from info' -s n -l noheadings -d 'Print no headings'
complete -c abusectl -n '__fish_seen_subcommand_from info' -s b -l bytes -d 'Print sizes in bytes'
complete -c abusectl -n '__fish_seen_subcommand_from info' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a servers -d 'Shows who serves a device'
complete -c abusectl -n '__fish_seen_subcommand_from servers' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from servers' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from servers' -s J -l json -d 'Print JSON'
complete -c abusectl -n '__fish_seen_subcommand_from servers' -s o -l output -x -a '(__abusectl_SERVER_COLUMNS)' -d 'Show these columns, separated by commas'
complete -c abusectl -n '__fish_seen_subcommand_from servers' -s O -l output-all -d 'Show all columns'
complete -c abusectl -n '__fish_seen_subcommand_from servers' -s n -l noheadings -d 'Print no headings'
complete -c abusectl -n '__fish_seen_subcommand_from servers' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a requests -d 'Shows the requests that are not answered, and who has them'
complete -c abusectl -n '__fish_seen_subcommand_from requests' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from requests' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from requests' -s J -l json -d 'Print JSON'
complete -c abusectl -n '__fish_seen_subcommand_from requests' -s o -l output -x -a '(__abusectl_REQUEST_COLUMNS)' -d 'Show these columns, separated by commas'
complete -c abusectl -n '__fish_seen_subcommand_from requests' -s O -l output-all -d 'Show all columns'
complete -c abusectl -n '__fish_seen_subcommand_from requests' -s n -l noheadings -d 'Print no headings'
complete -c abusectl -n '__fish_seen_subcommand_from requests' -s b -l bytes -d 'Print sizes in bytes'
complete -c abusectl -n '__fish_seen_subcommand_from requests' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a metrics -d 'Prints metrics of all disks, for Prometheus'
complete -c abusectl -n '__fish_seen_subcommand_from metrics' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from metrics' -s V -l version -d 'Show the version'
complete -c abusectl -n __fish_use_subcommand -a top -d 'Shows rates, latencies and queues, live'
complete -c abusectl -n '__fish_seen_subcommand_from top' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from top' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from top' -s d -l interval -x -d 'Time between two updates'
complete -c abusectl -n '__fish_seen_subcommand_from top' -s s -l servers -d 'Show below each disk who serves it'
complete -c abusectl -n '__fish_seen_subcommand_from top' -s n -l count -x -d 'End after N updates'
complete -c abusectl -n '__fish_seen_subcommand_from top' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a trace -d 'Shows what happens to requests, one event in a line'
complete -c abusectl -n '__fish_seen_subcommand_from trace' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from trace' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from trace' -s e -l events -x -d 'Show these only, separated by commas'
complete -c abusectl -n '__fish_seen_subcommand_from trace' -s n -l count -x -d 'End after N events'
complete -c abusectl -n '__fish_seen_subcommand_from trace' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a resize -d 'Makes a disk larger while it is used'
complete -c abusectl -n '__fish_seen_subcommand_from resize' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from resize' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from resize' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a map -d 'Lets the kernel itself use a block device for a part of a disk'
complete -c abusectl -n '__fish_seen_subcommand_from map' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from map' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from map' -s r -l read-only -d 'Map reads only'
complete -c abusectl -n '__fish_seen_subcommand_from map' -l discard -d 'Map discards, too'
complete -c abusectl -n '__fish_seen_subcommand_from map' -l write-zeroes -d 'Map writes of zeroes, too'
complete -c abusectl -n '__fish_seen_subcommand_from map' -l replace -d 'Also where something is mapped already'
complete -c abusectl -n '__fish_seen_subcommand_from map' -a '(__abusectl_DEVICE)'
complete -c abusectl -n '__fish_seen_subcommand_from map' -a '(__abusectl_BLOCK)'
complete -c abusectl -n __fish_use_subcommand -a unmap -d 'Gives a part of a disk, or all of it, back to its servers'
complete -c abusectl -n '__fish_seen_subcommand_from unmap' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from unmap' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from unmap' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a maps -d 'Shows which parts of a disk are mapped, and where to'
complete -c abusectl -n '__fish_seen_subcommand_from maps' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from maps' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from maps' -s J -l json -d 'Print JSON'
complete -c abusectl -n '__fish_seen_subcommand_from maps' -s o -l output -x -a '(__abusectl_MAP_COLUMNS)' -d 'Show these columns, separated by commas'
complete -c abusectl -n '__fish_seen_subcommand_from maps' -s O -l output-all -d 'Show all columns'
complete -c abusectl -n '__fish_seen_subcommand_from maps' -s n -l noheadings -d 'Print no headings'
complete -c abusectl -n '__fish_seen_subcommand_from maps' -s b -l bytes -d 'Print sizes in bytes'
complete -c abusectl -n '__fish_seen_subcommand_from maps' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a requeue -d 'Takes all requests from the servers that have them'
complete -c abusectl -n '__fish_seen_subcommand_from requeue' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from requeue' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from requeue' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a quiesce -d 'Keeps requests from all servers until \'abusectl resume\''
complete -c abusectl -n '__fish_seen_subcommand_from quiesce' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from quiesce' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from quiesce' -l timeout -x -d 'Wait no longer than this for answers, such as 5 or 500ms'
complete -c abusectl -n '__fish_seen_subcommand_from quiesce' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a resume -d 'Lets servers have requests again'
complete -c abusectl -n '__fish_seen_subcommand_from resume' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from resume' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from resume' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a reset -d 'Takes the disk away'
complete -c abusectl -n '__fish_seen_subcommand_from reset' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from reset' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from reset' -s f -l force -d 'Take the disk away even if it is in use'
complete -c abusectl -n '__fish_seen_subcommand_from reset' -s l -l lazy -d 'Take the disk away as soon as nobody uses it any more, and do not wait for that'
complete -c abusectl -n '__fish_seen_subcommand_from reset' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a filter -d 'Shows and changes the filters of a disk while it is served'
complete -c abusectl -n '__fish_seen_subcommand_from filter' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from filter' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from filter' -s J -l json -d 'Print JSON'
complete -c abusectl -n '__fish_seen_subcommand_from filter' -s o -l output -x -a '(__abusectl_FILTER_COLUMNS)' -d 'Show these columns, separated by commas'
complete -c abusectl -n '__fish_seen_subcommand_from filter' -s O -l output-all -d 'Show all columns'
complete -c abusectl -n '__fish_seen_subcommand_from filter' -s n -l noheadings -d 'Print no headings'
complete -c abusectl -n '__fish_seen_subcommand_from filter' -a '(__abusectl_DEVICE)'
complete -c abusectl -n '__fish_seen_subcommand_from filter' -a '(__abusectl_CHANGE)'
complete -c abusectl -n '__fish_seen_subcommand_from filter' -a '(__abusectl_FILTER)'
complete -c abusectl -n __fish_use_subcommand -a mark -d 'Puts a mark into the record of a disk'
complete -c abusectl -n '__fish_seen_subcommand_from mark' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from mark' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from mark' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a replay -d 'Shows what changed a disk, and does it again to another one'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -l to-mark -x -d 'Stop after the first mark with this text'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -l to-entry -x -d 'Stop after this entry (the first is 0)'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -l to-flush -x -d 'Stop after this flush (the first is 1)'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -l durable -d 'Without what a power cut could take away at that point'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -l onto -r -F -d 'Carry this out on an image or a disk, which must have the content that the recorded disk had when the record began'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -s J -l json -d 'Print JSON'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -s o -l output -x -a '(__abusectl_LOG_COLUMNS)' -d 'Show these columns, separated by commas'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -s O -l output-all -d 'Show all columns'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -s n -l noheadings -d 'Print no headings'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -s b -l bytes -d 'Print sizes in bytes'
complete -c abusectl -n '__fish_seen_subcommand_from replay' -F
complete -c abusectl -n __fish_use_subcommand -a crashes -d 'Finds bad states in which a power cut could leave a disk'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -l base -r -F -d 'What the disk had when the record began'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -l check -x -d 'What is run for each state, by a shell, with {} for the path of an image'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -l most -x -d 'How many states each step of the record has, at most, those with a write that is torn among them (64)'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -l seed -x -d 'Chooses other states by chance, if there are more than that (1)'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -l from-mark -x -d 'Leave out what a power cut before this mark leaves'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -l from -x -d 'Begin with this state, to go on after the command was stopped by a signal'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -s k -l keep-going -d 'Continue after a bad state'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -l timeout -x -d 'How long a check may take (no limit)'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -s j -l jobs -x -d 'How many states are checked at once (the number of CPUs)'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -l work -x -a '(__abusectl_FOLDER)' -d 'Where copies of the image are meanwhile, two for each job (TMPDIR, or /tmp)'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -l keep -r -F -d 'Make an image of the first bad state, in its smallest form'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -s J -l json -d 'Print JSON'
complete -c abusectl -n '__fish_seen_subcommand_from crashes' -F
complete -c abusectl -n __fish_use_subcommand -a get -d 'Shows the next request'
complete -c abusectl -n '__fish_seen_subcommand_from get' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from get' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from get' -l wait -d 'Wait for a request, at most SECONDS (default'
complete -c abusectl -n '__fish_seen_subcommand_from get' -s J -l json -d 'Print JSON, with more details'
complete -c abusectl -n '__fish_seen_subcommand_from get' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a put -d 'Shows and answers the next request'
complete -c abusectl -n '__fish_seen_subcommand_from put' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from put' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from put' -l data -r -F -d 'Answer a read with the bytes of FILE'
complete -c abusectl -n '__fish_seen_subcommand_from put' -l zero -d 'Answer a read with zeros, which is the default'
complete -c abusectl -n '__fish_seen_subcommand_from put' -l out -r -F -d 'Store the data of a write in FILE'
complete -c abusectl -n '__fish_seen_subcommand_from put' -l seek -d 'Use FILE as an image of the disk, at the offset of the request'
complete -c abusectl -n '__fish_seen_subcommand_from put' -l fail -x -a 'media device' -d 'Answer with a failure'
complete -c abusectl -n '__fish_seen_subcommand_from put' -l wait -d 'Wait for a request, at most SECONDS (default'
complete -c abusectl -n '__fish_seen_subcommand_from put' -s J -l json -d 'Print JSON, with more details'
complete -c abusectl -n '__fish_seen_subcommand_from put' -a '(__abusectl_DEVICE)'
complete -c abusectl -n __fish_use_subcommand -a poll -d 'Waits for a request'
complete -c abusectl -n '__fish_seen_subcommand_from poll' -s h -l help -d 'Show this help'
complete -c abusectl -n '__fish_seen_subcommand_from poll' -s V -l version -d 'Show the version'
complete -c abusectl -n '__fish_seen_subcommand_from poll' -l timeout -x -d 'Wait at most SECONDS, and exit with 1 if no request came'
complete -c abusectl -n '__fish_seen_subcommand_from poll' -s J -l json -d 'Print JSON'
complete -c abusectl -n '__fish_seen_subcommand_from poll' -a '(__abusectl_DEVICE)'
