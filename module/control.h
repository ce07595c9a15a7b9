/* SPDX-License-Identifier: GPL-2.0 */
/* The control nodes, /dev/abctlN; see control.c. */
#ifndef ABUSE_CONTROL_H
#define ABUSE_CONTROL_H

int abuse_control_init(unsigned int max_abuse);
void abuse_control_exit(void);

#endif
