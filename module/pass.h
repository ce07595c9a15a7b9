/* SPDX-License-Identifier: GPL-2.0 */
/* The way of a bio of a disk that may be mapped; see pass.c. */
#ifndef ABUSE_PASS_H
#define ABUSE_PASS_H

struct abuse_front;
struct bio;
struct work_struct;

void abuse_front_submit(struct abuse_front *front, struct bio *bio);
void abuse_front_kick(struct abuse_front *front);
void abuse_front_work(struct work_struct *work);
void abuse_front_later(struct work_struct *work);

#endif
