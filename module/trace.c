// SPDX-License-Identifier: GPL-2.0
/* What the macros of trace.h make of it. */
#define CREATE_TRACE_POINTS
#include "trace.h"
