# Prints the lines of a kernel log that say that something is wrong.
# -v bounds=yes: before and after user space, only lines about the kernel's own death count.
#
# A data race that KCSAN reports is ours if one of the two accesses is made by the module itself, or by a
# library function that it calls; then the whole report is printed. A stock kernel has many races of its own,
# also in functions that the module calls and in interrupts; these are left out.

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
# KCSAN warns about itself when its report has a frame that it did not expect
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
