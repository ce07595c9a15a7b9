# report.jq - from the lines that guest.sh wrote to medians, goals and a table
def median: sort | .[(length - 1) / 2 | floor];
def round($n): . * pow(10; $n) | round / pow(10; $n);
def thousands: if . >= 100000 then "\(. / 1000 | round) k" else "\(. / 1000 | round(1)) k" end;

def cells: map(select(.kind == "run")) | group_by([.mode, .target, .workload]) | map({
	mode: .[0].mode, target: .[0].target, workload: .[0].workload, rounds: length,
	iops: (map(.iops) | median | round),
	mb_s: (map(.bytes) | median / 1e6 | round),
	spread: ((map(.iops) | max - min) / (map(.iops) | median) | round(3)),
	switches: ((map(.switches) | add) / (map(.requests) | add) | round(3))
} + if .[0].mode == "icount" then {instructions: (5e8 / (map(.iops) | median) | round)} else {} end);

def counts: map(select(.kind == "count")) | map({mode, target, workload,
	syscalls: (.syscalls / .requests | round(3)), wakeups: (.wakeups / .requests | round(3))});

def memory: map(select(.kind == "memory")) | map({target, requests, before_kb, after_kb,
	heap_bytes_per_request: (.heap_bytes / .requests | round(3))});

# what, of whom, against whom, where; goal and stretch
def goals: [
	(("null-batch", "null") as $peer |
		["4 KiB depth 32", "abuse-null", "ublk-\($peer)", ["rr4k-32", "rw4k-32"], 1.3, 1.5],
		["4 KiB depth 1", "abuse-null", "ublk-\($peer)", ["rr4k-1", "rw4k-1"], 1.15, 1.25],
		["sequential", "abuse-null", "ublk-\($peer)", ["r128k-32", "w128k-32", "r1m-32", "w1m-32"], 1.2, 1.5]),
	(["dm-linear", "null_blk", "ublk-null"] as $peers | [1.03, 0.85, 2] as $goals | range(3) as $i |
		["mapped, 4 KiB", "map-null", $peers[$i], ["rr4k-1", "rw4k-1", "rr4k-32", "rw4k-32"], $goals[$i], $goals[$i] + 0.05]),
	["mapped, 128 KiB", "map-null", "dm-linear", ["r128k-32", "w128k-32"], 1.03, 1.1],
	["2^20 extents, 4 KiB", "map-many", "map-null", ["rr4k-1", "rw4k-1", "rr4k-32", "rw4k-32"], 0.88, 0.95],
	["nothing mapped, 4 KiB", "map-none", "abuse-null", ["rr4k-1", "rw4k-1", "rr4k-32", "rw4k-32"], 0.96, 0.98],
	["a hit in a cache, 4 KiB", "map-cache", "map-mem", ["rr4k-1", "rr4k-32"], 0.97, null],
	["a hit in a cache, 4 KiB", "map-cache-brd", "map-brd", ["rr4k-1", "rr4k-32"], 0.97, null],
	["4 KiB", "abuse-qcow2", "qemu-nbd-qcow2", ["rr4k-32", "rw4k-32"], 5, null],
	["128 KiB", "abuse-qcow2", "qemu-nbd-qcow2", ["r128k-32", "w128k-32"], 6, null],
	["4 KiB depth 32", "abuse-qcow2", "abuse-file", ["rr4k-32", "rw4k-32"], 0.9, null],
	["lent memory, 4 KiB", "map-mem", "brd", ["rr4k-1", "rw4k-1", "rr4k-32", "rw4k-32"], 0.85, 0.9],
	["lent memory, 128 KiB", "map-mem", "brd", ["r128k-32", "w128k-32"], 0.95, 1],
	["4 KiB depth 32", "abuse-null", "null_blk", ["rr4k-32", "rw4k-32"], 0.55, 0.65],
	["4 KiB depth 32", "abuse-mem", "brd", ["rr4k-32", "rw4k-32"], 0.45, 0.55],
	["4 KiB depth 32", "abuse-mem-error", "abuse-mem", ["rr4k-32", "rw4k-32"], 0.97, null],
	["4 KiB depth 32", "abuse-mem-powerfail", "abuse-mem", ["rr4k-32", "rw4k-32"], 0.7, null],
	["4 KiB depth 32", "abuse-file", "loop", ["rr4k-32", "rw4k-32"], 0.95, 1.1],
	["128 KiB", "abuse-file", "loop", ["r128k-32", "w128k-32"], 1.1, 1.3],
	["1 MiB of 512-byte vectors", "abuse-file-512", "loop-512", ["rv1m-4", "wv1m-4"], 1, 1.5],
	(("file-batch", "file") as $peer |
		["128 KiB", "abuse-file", "ublk-\($peer)", ["r128k-32", "w128k-32"], 1.5, 2]),
	(("null", "mem", "file") as $kind |
		["4 KiB", "abuse-\($kind)", "nbd-\($kind)", ["rr4k-1", "rw4k-1", "rr4k-32", "rw4k-32"], 2.3, null],
		["128 KiB", "abuse-\($kind)", "nbd-\($kind)", ["r128k-32", "w128k-32"], 4, null]),
	["4 KiB, the same NBD server", "abuse-nbd-mem", "nbd-mem", ["rr4k-32", "rw4k-32"], 1, null],
	["128 KiB, the same NBD server", "abuse-nbd-mem", "nbd-mem", ["r128k-32", "w128k-32"], 1, null],
	(("null", "mem") as $kind |
		["against a C server of the same ABI", "abuse-\($kind)", "c-\($kind)",
			["rr4k-1", "rw4k-1", "rr4k-32", "rw4k-32", "r128k-32", "w128k-32", "r1m-32", "w1m-32"], 0.93, null])
];

def ratios($cells):
	def iops($t; $w): $cells[] | select(.mode == "icount" and .target == $t and .workload == $w) | .iops;
	goals | map(. as [$what, $ours, $peer, $workloads, $goal, $stretch] |
		[$workloads[] as $w | iops($ours; $w) as $a | iops($peer; $w) as $b |
			{workload: $w, ratio: ($a / $b | round(2))}] |
		select(length > 0) |
		{what: "\($ours) / \($peer), \($what)", goal: ">= \($goal)", stretch: ($stretch // "" | tostring),
			measured: (map("\(.workload) \(.ratio)") | join(", ")),
			ok: (all(.ratio >= $goal)), stretched: (if $stretch then all(.ratio >= $stretch) else null end)});

def counted($counts):
	$counts | map(select((.target | startswith("abuse-") and (startswith("abuse-nbd") | not)) and .workload == "rr4k-32")) | map(
		{what: "\(.target), system calls a request, depth 32", goal: "<= 0.1", stretch: "",
			measured: "\(.syscalls) (wake-ups \(.wakeups))", ok: (.syscalls <= 0.1), stretched: null});

def remembered($memory):
	$memory | map(
		{what: "\(.target), heap bytes a request", goal: "0", stretch: "",
			measured: "\(.heap_bytes_per_request)", ok: (.heap_bytes_per_request < 0.5), stretched: null},
		{what: "\(.target), resident memory beyond the store after \(.requests) requests",
			goal: "<= 96 MiB, flat", stretch: "64",
			measured: "\(.before_kb / 1024 | round(1)) -> \(.after_kb / 1024 | round(1)) MiB",
			ok: (.after_kb <= 96 * 1024 and .after_kb - .before_kb < 2048), stretched: (.after_kb <= 64 * 1024)});

def scaled($cells):
	def iops($t; $w): $cells[] | select(.mode == "wall" and .target == $t and .workload == $w) | .iops;
	[(("abuse-null", "c-null", "ublk-null") as $t | (iops("\($t)-2"; "rr4k-32x2") / iops($t; "rr4k-32") | round(2)) as $r |
		{what: "two CPUs: \($t), two queues and two jobs against one", goal: ">= 1", stretch: "1.6",
			measured: "\($r)", ok: ($r >= 1), stretched: ($r >= 1.6)} |
		if $t == "abuse-null" then . else . + {goal: "", stretch: "", ok: null, stretched: null} end),
	(["rr4k-1", "ublk-null", 2, 2.5], ["rr4k-4", "ublk-null", 1.5, null], ["rr4k-32", "abuse-null", 0.9, null] |
		. as [$w, $peer, $goal, $stretch] | (iops("abuse-null-poll"; $w) / iops($peer; $w) | round(2)) as $r |
		{what: "two CPUs: abuse-null-poll / \($peer), \($w)", goal: ">= \($goal)", stretch: ($stretch // "" | tostring),
			measured: "\($r)", ok: ($r >= $goal), stretched: (if $stretch then $r >= $stretch else null end)}),
	((iops("null_blk"; "rr4k-32x2") / iops("null_blk"; "rr4k-32") | round(2)) |
		{what: "two CPUs: null_blk, two jobs against one: well below 2 says that this machine was busy",
			goal: "", stretch: "", measured: "\(.)", ok: null, stretched: null})];

def verdict: if .ok == null then "" elif .stretched then "yes, stretch too" elif .ok then "yes" else "NO" end;
def row: "| " + join(" | ") + " |";

def raw($cells; $mode):
	($cells | map(select(.mode == $mode))) as $c |
	if $c == [] then empty else
	([$c[].workload] | reduce .[] as $w ([]; if index([$w]) then . else . + [$w] end)) as $works |
	(["\($mode): IOPS or MB/s (spread)"] + $works | row),
	(["---"] + ($works | map("---")) | row),
	([$c[].target] | unique | .[]) as $t |
	([$t] + ($works | map(. as $w | $c | map(select(.target == $t and .workload == $w)) |
		if . == [] then "" else .[0] |
			(if .workload | test("4k") then .iops | thousands else "\(.mb_s) MB/s" end) +
			" (\(.spread * 100 | round) %)" end)) | row) end;

. as $all | (.lines | cells) as $cells | (.lines | counts) as $counts | (.lines | memory) as $memory |
(ratios($cells) + counted($counts) + remembered($memory) + scaled($cells)) as $goals |
{kernel, date, fio, goals: $goals, cells: $cells, counts: $counts, memory: $memory} + {table: ([
	"Linux \(.kernel), \(.fio), \(.date). Median of \($cells | map(.rounds) | max // 0) rounds; icount (guest instructions) unless it says two CPUs.",
	"",
	(["what", "goal", "stretch", "measured", "met"] | row),
	(["---", "---", "---", "---", "---"] | row),
	($goals[] | [.what, .goal, .stretch, .measured, verdict] | row),
	"",
	raw($cells; "icount"), "",
	raw($cells; "wall"), "",
	(["server", "workload", "system calls a request", "wake-ups a request"] | row),
	(["---", "---", "---", "---"] | row),
	($counts[] | [.target, .workload, "\(.syscalls)", "\(.wakeups)"] | row)
	] | join("\n"))}
