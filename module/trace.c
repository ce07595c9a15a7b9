// SPDX-License-Identifier: GPL-2.0
/* The code that the macros of trace.h expand to. */
#define CREATE_TRACE_POINTS
#include "trace.h"
