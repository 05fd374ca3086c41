/* The board itself: sample, frame, send; the same on every machine. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#include "configuration.h"

void board_start(const struct configuration *configuration);
/* Do what is due; returns when something will be due again. */
uint32_t board_step(void);

#endif
