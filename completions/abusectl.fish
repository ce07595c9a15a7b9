# fish completion for abusectl(8)

function __abusectl_devices
    for node in /dev/abctl*
        echo $node
    end
end

# Keys of setup; what stands before the last comma stays.
function __abusectl_keys
    set -l before (string match -r '.*,' -- (commandline -ct))
    for key in size= blocksize= queuesize= queues= maxrequest= timeout= \
            writecache discard writezeroes ro rw reconnect
        echo $before$key
    end
end

function __abusectl_images
    echo null
    echo mem
    for path in (__fish_complete_path (string replace -r '^file:' '' -- (commandline -ct)) | string split -f1 \t)
        echo file:$path
    end
end

set -l commands reset info get put poll server setup
complete -c abusectl -f
complete -c abusectl -l help -d 'Show help'
complete -c abusectl -n __fish_use_subcommand -l version -d 'Show the version'
complete -c abusectl -n __fish_use_subcommand -a reset -d 'Fail every request and remove the disk'
complete -c abusectl -n __fish_use_subcommand -a info -d 'Show a device, or all'
complete -c abusectl -n __fish_use_subcommand -a get -d 'Show the next request'
complete -c abusectl -n __fish_use_subcommand -a put -d 'Answer the next request'
complete -c abusectl -n __fish_use_subcommand -a poll -d 'Wait for a request'
complete -c abusectl -n __fish_use_subcommand -a server -d 'Answer requests until told to stop'
complete -c abusectl -n __fish_use_subcommand -a setup -d 'Make or change a disk'
complete -c abusectl -n "__fish_seen_subcommand_from $commands" -a '(__abusectl_devices)'
complete -c abusectl -n '__fish_seen_subcommand_from setup' -a '(__abusectl_keys)'
complete -c abusectl -n '__fish_seen_subcommand_from server' -a '(__abusectl_images)'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l create -d 'Make the image'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l direct -d 'Past the page cache'
complete -c abusectl -n '__fish_seen_subcommand_from server' -l plugin -r -F -d 'Other backends'
complete -c abusectl -n '__fish_seen_subcommand_from info get put poll' -l json -d 'Print JSON'
complete -c abusectl -n '__fish_seen_subcommand_from get put' -l wait -d 'Wait for a request'
complete -c abusectl -n '__fish_seen_subcommand_from poll' -l timeout -x -d 'Seconds'
complete -c abusectl -n '__fish_seen_subcommand_from put' -l data -r -F -d 'Bytes of a read'
complete -c abusectl -n '__fish_seen_subcommand_from put' -l zero -d 'Answer a read with zeros'
complete -c abusectl -n '__fish_seen_subcommand_from put' -l out -r -F -d 'Where written bytes go'
complete -c abusectl -n '__fish_seen_subcommand_from put' -l seek -d 'At the offset of the request'
complete -c abusectl -n '__fish_seen_subcommand_from put' -l fail -x -a 'media device' -d 'Answer with a failure'
