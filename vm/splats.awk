# What a kernel says in its log when something is wrong: those lines, as they are.
# -v bounds=yes: what it says about itself before and after user space counts only if it dies of it.
#
# A race of data that KCSAN reports is ours when one of the two accesses is made by the module itself, or
# by a library function that it calls; a stock kernel has many of its own, in what the module calls, too,
# and in what interrupts it, which are left out. Of ours the whole report is printed.

BEGIN {
	splat = "WARNING:|BUG:|Oops|KASAN|KCSAN|UBSAN|KFENCE|ODEBUG|Call Trace:|INFO: task .* blocked for more" \
		"|possible (circular|recursive|irq) lock|inconsistent lock|lockdep|DEBUG_LOCKS|suspicious RCU" \
		"|rcu.* stall|soft lockup|hard LOCKUP|general protection|kmemleak: [1-9]|list_(add|del) corruption" \
		"|refcount_t:|scheduling while atomic|nobody cared|Kernel panic"
	fatal = "Kernel panic|Oops"
	library = " (_*(mem|str|list|hlist|llist|find|bitmap|sort|copy|bsearch|kcsan|tsan|rb)|bcmp|check_access)[a-z0-9_]*\\+0x"
	inside = !bounds
}
bounds && /abuse-vm: user space begins/ { inside = 1 }
bounds && /abuse-vm: user space ends/ { inside = 0 }
# Its report has a frame that KCSAN did not expect
/WARNING: .* kernel\/kcsan\// { aside = 1 }
aside {
	if (/end trace/)
		aside = 0
	next
}
/BUG: KCSAN: / {
	report = $0
	ours = top = 0
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
	if (/ by (task|interrupt)/) {
		top = 1
	} else if (top && /\+0x/ && $0 !~ library) {
		ours = ours || /\[abuse\]/
		top = 0
	}
	if ($0 !~ splat)
		next
}
$0 ~ fatal || (inside && $0 ~ splat)
END {
	if (ours && inside)
		print report
}
