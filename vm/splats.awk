# What a kernel says in its log when something is wrong: those lines, as they are.
# -v bounds=yes: what it says about itself before and after user space counts only if it dies of it.
#
# A race of data that KCSAN reports is ours when a function of the module is in one of its two stacks,
# not counting what an interrupt interrupted; a stock kernel has many of its own, which are left out.
# Of ours the whole report is printed.

BEGIN {
	splat = "WARNING:|BUG:|Oops|KASAN|KCSAN|UBSAN|KFENCE|ODEBUG|Call Trace:|INFO: task .* blocked for more" \
		"|possible (circular|recursive|irq) lock|inconsistent lock|lockdep|DEBUG_LOCKS|suspicious RCU" \
		"|rcu.* stall|soft lockup|hard LOCKUP|general protection|kmemleak: [1-9]|list_(add|del) corruption" \
		"|refcount_t:|scheduling while atomic|nobody cared|Kernel panic"
	fatal = "Kernel panic|Oops"
	inside = !bounds
}
bounds && /abuse-vm: user space begins/ { inside = 1 }
bounds && /abuse-vm: user space ends/ { inside = 0 }
/BUG: KCSAN: / {
	report = $0
	ours = interrupted = 0
	next
}
report && /==========/ {
	if (ours && inside)
		print report
	report = ours = ""
	next
}
report {
	report = report "\n" $0
	if (/ by (task|interrupt)/)
		interrupted = 0
	else if (/ asm_/)
		interrupted = 1
	ours = ours || (!interrupted && /\[abuse\]/)
	if ($0 !~ splat)
		next
}
$0 ~ fatal || (inside && $0 ~ splat)
END {
	if (ours && inside)
		print report
}
