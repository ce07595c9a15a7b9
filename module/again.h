/* SPDX-License-Identifier: GPL-2.0 */
/* Bios of a disk in front that go on after they waited; see again.c. */
#ifndef ABUSE_AGAIN_H
#define ABUSE_AGAIN_H

struct work_struct;

void abuse_front_sort(struct work_struct *work);
void abuse_front_lane(struct work_struct *work);

#endif
